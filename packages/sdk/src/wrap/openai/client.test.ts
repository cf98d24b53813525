import { expect, test } from "vitest";
import type { IncomingEvent } from "../../event/validate.ts";
import { thisMachine } from "../../run/machine.ts";
import { observedClient } from "./client.ts";

type Fetch = typeof globalThis.fetch;

/** A client with nothing but its public form: no method of the inside that could be followed. */
class BareClient {
  readonly baseURL = "http://127.0.0.1:1/v1";
  readonly fetch: Fetch;

  constructor(fetch: Fetch) {
    this.fetch = fetch;
  }

  withOptions(options: { fetch?: Fetch }): BareClient {
    return new BareClient(options.fetch ?? this.fetch);
  }

  ask(): Promise<Response> {
    const { fetch } = this;
    return fetch(`${this.baseURL}/chat/completions`, { method: "POST", body: '{"model":"m","messages":[]}' });
  }
}

function observeBare(...answers: readonly Response[]) {
  const events: IncomingEvent[] = [];
  const left = [...answers];
  const fetch: Fetch = async () => left.shift() ?? Response.error();
  const emit = (event: IncomingEvent) => void events.push(event);
  const client = observedClient(new BareClient(fetch), {
    emitter: { emit, flush: async () => {}, close: async () => {} },
    provider: "openai",
    machine: thisMachine,
    labels: {},
    propagatesTrace: false,
    onUncaptured: () => {},
  });
  return { client, statuses: () => events.flatMap(({ run }) => run?.status ?? []), events };
}

test("a client whose inside is unknown is observed all the same, each attempt as a run of its own", async () => {
  const refusal = Response.json({ error: { message: "busy" } }, { status: 500 });
  const { client, statuses } = observeBare(refusal, Response.json({ choices: [] }));

  await (await client.ask()).text();
  await (await client.ask()).text();

  expect(statuses()).toEqual(["error", "ok"]);
});

test("a copy of the copy is observed, once", async () => {
  const { client, statuses } = observeBare(Response.json({ choices: [] }), Response.json({ choices: [] }));

  await (await client.withOptions({}).withOptions({}).ask()).text();

  expect(client).toBeInstanceOf(BareClient);
  expect(statuses()).toEqual(["ok"]);
});
