import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { afterEach, expect, test } from "vitest";
import { type Backend, type BackendRequest, startBackend } from "../../packages/sluice/src/testing/index.ts";
import { eventually, House } from "./daemon.ts";
import { DESTINATIONS } from "./unanswered-destinations.ts";

/**
 * The moment that at-least-once is about: a backend has taken everything, and the daemon dies before it hears
 * so. The next daemon sends it again, and all that it sends is as it was: ids, start times, and every byte.
 */
const CONVERSATION = join(import.meta.dirname, "../contract/clients/conversation.json");
const EVENTS: readonly Event[] = JSON.parse(readFileSync(CONVERSATION, "utf8"));

let house: House;
let backend: Backend | undefined;
afterEach(async () => {
  await house.close();
  await backend?.close();
  backend = undefined;
});

test.each(DESTINATIONS)(
  "killed between the POST and the answer of $title, it sends the same again, and each item is there once (P1, P13)",
  async ({ type, params, open }) => {
    const destination = open();
    const { answer, itemsOf } = destination;
    house = new House();
    const taken: BackendRequest[] = [];
    const posted = Promise.withResolvers<void>();
    let isDead = false;
    backend = await startBackend({
      async answer(request) {
        const given = await answer(request);
        if (request.method !== "POST" || itemsOf(request).size === 0) return given;
        taken.push(request);
        if (taken.length > 1) return given;
        // The application has its 202: from then on sluice owes it the delivery.
        await posted.promise;
        await house.kill("SIGKILL");
        isDead = true;
        return given;
      },
    });
    house.configure(sinkToml(type, params(backend.url)));

    await post(await house.start());
    posted.resolve();
    await eventually(() => isDead || undefined, 15_000);
    const rows = destination.rows().toSorted();
    await house.start();
    await eventually(async () => ((await house.sink("it")).balance.pending === 0 ? true : undefined), 15_000);

    const [first, ...again] = taken;
    const before = first ? itemsOf(first) : new Map();
    const after = new Map(again.flatMap((request) => [...itemsOf(request)]));
    expect(before.size).toBeGreaterThan(0);
    expect(new Map([...after].filter(([id]) => before.has(id)))).toEqual(before);
    for (const request of again) {
      const isSameBatch = [...itemsOf(request).keys()].join() === [...before.keys()].join();
      if (isSameBatch) expect(request.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
    }
    // What the second life had to add is what the first request did not carry, and nothing else.
    const added = destination.rows().length - rows.length;
    expect(new Set(destination.rows()).size).toBe(destination.rows().length);
    expect(added).toBeLessThanOrEqual([...after.keys()].filter((id) => !before.has(id)).length);
    const { balance } = await house.sink("it");
    expect(balance).toMatchObject({ deadLettered: 0, dropped: {} });
    expect(balance.delivered).toBeGreaterThan(0);
  },
  40_000,
);

function sinkToml(type: string, params: Readonly<Record<string, unknown>>): string {
  const settings = Object.entries(params).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return `[[sinks]]\nname = "it"\ntype = "${type}"\n\n[sinks.params]\n${settings.join("\n")}\n`;
}

async function post(url: string): Promise<void> {
  // A complete end gets the id that its run gives it.
  const events = EVENTS.map((event) => (event.kind === "run.ended" ? { ...event, id: undefined } : event));
  const answer = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(answer.status, await answer.text()).toBe(202);
}
