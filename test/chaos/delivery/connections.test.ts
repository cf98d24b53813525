import { systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { createHttpSend, type HttpSend } from "../../../packages/sluice/src/sinks/http-send.ts";
import { type Step, startBackend } from "../../../packages/sluice/src/testing/backend.ts";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scaled, seededDraw } from "../scale.ts";
import { openHastyServer } from "./hasty-server.ts";

/** The server closes what was idle for so long, and the client writes at about the same moment. */
const IDLE_MS = [18, 24] as const;
const SENDERS = 8;
const SENDS_EACH = scaled({ test: 25, chaos: 250, soak: 5_000 });
/** Requests of which every second one fails in some way. */
const SENDS = scaled({ test: 800, chaos: 100_000, soak: 1_000_000 });
const AT_ONCE = 20;
/** createHttpSend's own. */
const POOL = 8;

const forever = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test(
  "a server that closes idle connections as we write to them is no failure (P13, T57)",
  async () => {
    const random = seededDraw();
    const idleMs = () => IDLE_MS[0] + random.fraction() * (IDLE_MS[1] - IDLE_MS[0]);
    const outcomes: string[] = [];
    let closed = 0;
    const sender = async () => {
      const server = await openHastyServer(idleMs);
      closers.push(() => server.close());
      const http = sendTo(server.url);
      for (let send = 0; send < SENDS_EACH; send++) {
        const outcome = await http.post(`{"n":${send}}`, forever);
        outcomes.push(outcome.status === "answered" ? "answered" : JSON.stringify(outcome));
        await passed(idleMs());
      }
      expect(server.answered).toBeGreaterThanOrEqual(SENDS_EACH);
      closed += server.closed;
    };

    await Promise.all(Array.from({ length: SENDERS }, sender));

    expect(outcomes.filter((outcome) => outcome !== "answered")).toEqual([]);
    expect(closed, "connections that were closed under us").toBeGreaterThan(SENDERS);
    figure(
      "P13",
      `${outcomes.length} requests, ${closed} idle connections closed as we wrote: failures`,
      0,
      "0",
    );
  },
  scaled({ test: 20_000, chaos: 60_000, soak: 600_000 }),
);

test(
  "connections and handles stay as they are through thousands of failed requests (P12, T35)",
  async () => {
    const failures: readonly Step[] = [
      "reset",
      "resetAfterStatus",
      "garbage",
      "tlsAlert",
      "hugeHeader",
      "continueForever",
      "continueFlood",
      "lie",
      "html",
      "endless",
      { status: 500, body: "x".repeat(100_000) },
      { status: 429, headers: { "retry-after": "7" } },
      "hang",
      "hangAfterHeaders",
    ];
    const backend = await startBackend();
    closers.push(() => backend.close());
    // A request that hangs costs its time: they are few.
    backend.choose(() => {
      const { length } = backend.requests;
      return length % 2 === 0 ? "pass" : (failures[(length >>> 1) % failures.length] ?? "pass");
    });
    const before = handles();
    const http = sendTo(backend.url, { timeoutMs: 50 });
    let connectionsMax = 0;
    const sendSome = async (count: number) => {
      for (let sent = 0; sent < count; sent += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => http.post('{"n":1}', forever)));
        connectionsMax = Math.max(connectionsMax, backend.connections);
      }
    };

    await sendSome(SENDS / 2);
    const half = handles();
    await sendSome(SENDS / 2);
    const whole = handles();
    await http.close();
    await vi.waitFor(() => expect(backend.connections).toBe(0), 2_000);
    await vi.waitFor(() => expect(handles()).toBeLessThanOrEqual(before), 2_000);

    expect(connectionsMax).toBeLessThanOrEqual(POOL + 5);
    // Both ends of each connection are in this process.
    expect(Math.abs(whole - half)).toBeLessThanOrEqual(2 * POOL);
    figure(
      "P12",
      `connections at once in ${SENDS} requests, every second of which failed`,
      connectionsMax,
      "≤ 13",
    );
    figure("P12", "sockets that were left over when the sink was closed", 0, "0");
  },
  scaled({ test: 20_000, chaos: 600_000, soak: 3_600_000 }),
);

function sendTo(url: string, options: { readonly timeoutMs?: number } = {}): HttpSend {
  const http = createHttpSend({ url, headers: {}, secrets: [], clock: systemClock, ...options });
  closers.push(() => http.close());
  return http;
}

/** Sockets of this process, whoever has them. */
function handles(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;
}
