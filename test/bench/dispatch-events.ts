import { randomUUID } from "node:crypto";

/**
 * What the dispatch benchmark sends: the end of an ordinary chat call, 2.1 KB of JSON, built anew for every
 * event as an application does. Its number stands in its metadata, which every client sends, and by that the
 * backend knows what has arrived.
 */
export function newEvent(number: number) {
  return {
    id: randomUUID(),
    kind: "run.ended",
    time: new Date(STARTED_AT_MS + number).toISOString(),
    runId: randomUUID(),
    traceId: randomUUID(),
    scope: { kind: "user", id: `user_${number % 1_000}`, props: { plan: "pro" } },
    session: { id: `sess_${number % 500}` },
    tags: ["prod", "chat", "eu-west"],
    metadata: {
      requestId: `${MARK}${String(number).padStart(MARK_DIGITS, "0")}`,
      env: "production",
      release: "2026.11.3",
      feature: "support-bot",
      custom: { team: "core", experiment: "b", score: 0.93 },
    },
    run: {
      type: "llm",
      name: "gpt-4.1-mini",
      provider: "openai",
      operation: "chat",
      startTime: "2026-11-21T05:00:00.000Z",
      firstTokenTime: "2026-11-21T05:00:00.143Z",
      status: "ok",
      request: {
        model: "gpt-4.1-mini",
        stream: true,
        params: { temperature: 0.7, top_p: 1, max_tokens: 1024 },
        input: [
          { role: "system", content: `You are a careful assistant. ${SENTENCE}` },
          { role: "user", content: `Question ${number}: ${SENTENCE}${SENTENCE}${SENTENCE}` },
        ],
      },
      response: {
        model: "gpt-4.1-mini-2025-04-14",
        output: {
          role: "assistant",
          content: `Answer ${number}: ${SENTENCE}${SENTENCE}${SENTENCE}Done — "quoted" and\nnewlines.`,
        },
        finishReasons: ["stop"],
      },
      usage: { input: 312 + (number % 50), output: 187 + (number % 30), cacheRead: 128, source: "provider" },
    },
  };
}

export interface Arrived {
  readonly total: number;
  readonly unique: number;
  readonly bytes: number;
}

/** Counts the events in what a backend was sent, by their marks, until `take` tells of them. */
export function arrivals() {
  let numbers = new Set<number>();
  let total = 0;
  let bytes = 0;
  return {
    look(body: Buffer): void {
      bytes += body.length;
      for (let at = body.indexOf(MARK); at >= 0; at = body.indexOf(MARK, at + MARK.length)) {
        const digits = at + MARK.length;
        numbers.add(Number(body.toString("latin1", digits, digits + MARK_DIGITS)));
        total++;
      }
    },
    take(): Arrived {
      const arrived = { total, unique: numbers.size, bytes };
      numbers = new Set();
      total = 0;
      bytes = 0;
      return arrived;
    },
  };
}

const MARK = "req_no_";
const MARK_DIGITS = 12;
const STARTED_AT_MS = Date.UTC(2026, 10, 21, 5);
const SENTENCE =
  "The quick brown fox jumps over the lazy dog while the model explains how durable event pipelines keep ordered records of each request and response. ";
