import { randomUUID } from "node:crypto";
import * as http from "node:http";
import type { Event } from "@sluice/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/lunary-server.ts";
import {
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";
import { House } from "../e2e/daemon.ts";
import { passed } from "./moments.ts";
import { scaled, seededDraw } from "./scale.ts";
import { drained } from "./storage/daemon-status.ts";

/**
 * kill -9 at random moments while hundreds of calls are on their way, again and again on one data directory.
 * Beside storage/kill-loop.test.ts it is about runs: each that has begun gets its one end.
 */
const KILLS = scaled({ test: 3, chaos: 15, soak: 500 });
const CALLS = scaled({ test: 300, chaos: 1_000, soak: 1_000 });
/**
 * From the first call on: sometimes most calls have not begun, mostly they are all on their way, sometimes
 * most have ended.
 */
const KILL_WITHIN_MS = 2_000;
const CALL_MS_MAX = 2_400;

const house = new House();
let provider: ProviderServer;
let lunary: LunaryServer;

beforeAll(async () => {
  provider = await openProviderServer();
  lunary = await startLunaryServer();
  house.configure(`
    [proxy.openai]
    base_url = "${provider.url}/v1"

    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }

    [[sinks]]
    name = "lunary"
    type = "lunary"
    params = { api_key = "${LUNARY_TEST_KEY}", endpoint = "${lunary.endpoint}", requests_per_second = 500 }
  `);
});

afterAll(async () => {
  await house.close();
  await provider.close();
  await lunary.close();
});

test(
  `every run that began ends once, at both sinks, over ${KILLS} kills with ${CALLS} calls in flight`,
  async () => {
    const random = seededDraw();
    answerSlowly(random);

    const inFlight: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await house.start();
      const calls = startCalls(random);
      await calls.begun;
      // The last time some calls have ended and most have not: both kinds of ends are there, however few kills.
      await (kill === KILLS - 1 ? calls.someEnded : passed(random.fraction() * KILL_WITHIN_MS));
      inFlight.push(provider.sockets);
      await house.kill();
      calls.abort();
    }
    await house.start();
    await drained(house);

    const { started, ended } = runsOf(house.lines());
    expect(started.size, "calls were captured").toBeGreaterThan(KILLS);
    expect([...started].filter((runId) => !ended.has(runId))).toEqual([]);
    for (const [runId, ends] of ended) expect(ends.ids.size, `ids of the end of ${runId}`).toBe(1);
    const statuses = Object.groupBy(ended.values(), ({ status }) => status);
    expect(Object.keys(statuses).sort()).toEqual(["incomplete", "ok"]);
    for (const [runId, { status }] of ended) {
      expect(lunary.runs.get(runId)?.status, `${runId} (${status}) at Lunary`).toBe("success");
    }
    expect([...lunary.runs.keys()].filter((runId) => !ended.has(runId))).toEqual([]);
    await house.stop();
    const verified = await house.run("verify");
    expect(verified.exit, verified.stderr).toBe(0);
    console.log(
      `${started.size} runs: ${statuses.ok?.length} ok, ${statuses.incomplete?.length} incomplete{crash}`,
    );
  },
  scaled({ test: 120_000, chaos: 600_000, soak: 6_000_000 }),
);

/** Streams a few events, and takes up to half a second for it. */
function answerSlowly(random: { fraction(): number }): void {
  const chunk = (text: string) =>
    Buffer.from(
      `data: {"id":"c","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`,
    );
  const end = Buffer.from(
    'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
  );
  provider.answer(() => ({
    headers: { "content-type": "text/event-stream" },
    chunks: [chunk("Once"), chunk(" upon"), end],
    pace: () => passed((random.fraction() * CALL_MS_MAX) / 3),
  }));
}

interface Calls {
  readonly begun: Promise<void>;
  readonly someEnded: Promise<void>;
  abort(): void;
}

function startCalls(random: { fraction(): number }): Calls {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CALLS });
  const begun = Promise.withResolvers<void>();
  const someEnded = Promise.withResolvers<void>();
  let ended = 0;
  const body = JSON.stringify({
    model: "gpt-4o",
    stream: true,
    messages: [{ role: "user", content: "Tell me." }],
  });
  for (let call = 0; call < CALLS; call++) {
    const headers = {
      "content-type": "application/json",
      "content-length": body.length,
      "x-sluice-run": randomUUID(),
    };
    const request = http.request(`${house.url}/openai/v1/chat/completions`, {
      method: "POST",
      agent,
      headers,
    });
    // The daemon is going to be killed: whatever a call hears of it is fine.
    request.on("error", () => undefined);
    request.on("response", (response) => {
      response.on("error", () => undefined);
      response.resume().on("end", () => {
        if (++ended === CALLS / 10) someEnded.resolve();
      });
    });
    request.on("socket", () => begun.resolve());
    void passed(random.fraction() * 300).then(() => request.end(body));
  }
  return { begun: begun.promise, someEnded: someEnded.promise, abort: () => agent.destroy() };
}

interface Ends {
  readonly ids: Set<string>;
  readonly status: string;
}

/** A file is written at least once, so an end may stand there twice, but only under one id. */
function runsOf(events: readonly Event[]): { started: Set<string>; ended: Map<string, Ends> } {
  const started = new Set<string>();
  const ended = new Map<string, Ends>();
  for (const { kind, runId = "", id, run } of events) {
    if (kind === "run.started") started.add(runId);
    if (kind !== "run.ended") continue;
    const ends = ended.get(runId);
    if (ends) ends.ids.add(id);
    else ended.set(runId, { ids: new Set([id]), status: run?.status ?? "none" });
  }
  return { started, ended };
}
