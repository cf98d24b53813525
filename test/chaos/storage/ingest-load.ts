import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { deriveId } from "@sluice/sdk/internal";
import { passed } from "../moments.ts";

export interface Answered {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | undefined;
}

/** Posts one body as NDJSON and reads the answer. A connection that breaks is status 0. */
export function post(url: string, body: Uint8Array | string, agent: Agent): Promise<Answered> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, retryAfter?: string) =>
      resolve({ status, ms: performance.now() - startMs, retryAfter });
    const sent = request(
      `${url}/v1/events`,
      { method: "POST", agent, headers: { "content-type": "application/x-ndjson" } },
      (response) => {
        response.resume();
        response.on("end", () => done(response.statusCode ?? 0, response.headers["retry-after"]));
        response.on("error", () => done(0));
      },
    );
    sent.on("error", () => done(0));
    sent.end(body);
  });
}

/** The complete end of an LLM run, of about so many bytes, as a line: every sink takes it. */
export function eventLine(bytes: number, runId: string = randomUUID()): string {
  const head = `{"id":"${deriveId(runId, "ended")}","kind":"run.ended","time":"2026-01-01T00:00:01.000Z","runId":"${runId}","run":{"type":"llm","name":"load","status":"ok","startTime":"2026-01-01T00:00:00.000Z"}`;
  // Strings have a limit of 8 MiB each.
  const strings: string[] = [];
  for (let left = bytes - head.length; left > 0; left -= STRING_BYTES) {
    strings.push(JSON.stringify("x".repeat(Math.min(left, STRING_BYTES))));
  }
  return `${head},"metadata":{"text":[${strings.join(",")}]}}\n`;
}

const STRING_BYTES = 4 * 1024 * 1024;

export interface Load {
  readonly events: number;
  readonly statuses: ReadonlyMap<number, number>;
}

/**
 * Sends batches of events until `untilMs` (performance.now) or so many events are in, with so many requests
 * at a time, and at most so many events a second.
 */
export async function load(
  url: string,
  {
    bytes,
    batch,
    parallel,
    events = Number.POSITIVE_INFINITY,
    forMs = Number.POSITIVE_INFINITY,
    perSecond = Number.POSITIVE_INFINITY,
  }: {
    readonly bytes: number;
    readonly batch: number;
    readonly parallel: number;
    readonly events?: number;
    readonly forMs?: number;
    readonly perSecond?: number;
  },
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  const startMs = performance.now();
  const statuses = new Map<number, number>();
  let accepted = 0;
  let begun = 0;
  const sender = async () => {
    let refused: string | undefined;
    while (begun < events && performance.now() - startMs < forMs) {
      begun += batch;
      const aheadMs = (begun / perSecond) * 1_000 - (performance.now() - startMs);
      if (aheadMs > 0) await passed(aheadMs);
      // What was refused may be stored all the same, where the disk was slow: it keeps its ids.
      const lines = refused ?? Array.from({ length: batch }, () => eventLine(bytes)).join("");
      const { status } = await post(url, lines, agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      refused = status === 202 ? undefined : lines;
      if (status === 202) accepted += batch;
      else begun -= batch;
    }
  };
  await Promise.all(Array.from({ length: parallel }, sender));
  agent.destroy();
  return { events: accepted, statuses };
}

export function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;
}
