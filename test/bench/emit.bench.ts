import { createBufferedEmitter, type IncomingEvent } from "@sluice/sdk";
import { pino } from "pino";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * What a call of `emit` costs, all of it: the check, the walk that finds what JSON cannot write, the id, the
 * bytes, and handing them over. Against what cannot be saved, JSON.stringify of the same object, and against
 * `pino.info` of it with an asynchronous destination. CPU time of this process.
 */
const ROUNDS = 15;
const EVENTS_PER_ROUND = 10_000;
/** In one turn of the event loop. */
const EVENTS_PER_TURN = 16;
/** Rounds that are not counted: until then functions are still being compiled. */
const WARM_UPS = 4;

export async function* cases(): AsyncIterable<Measurement> {
  const event = aRunOf2KB();
  yield* measure("emit 2.1 KB, id minted", event);
  const run = { type: "llm", ...event.run, startTime: "2026-11-21T05:00:00.000Z" };
  // The id of a complete end is a SHA-1 of its run's, which is all the difference.
  yield* measure("emit 2.1 KB, id derived", { ...event, run });
}

async function* measure(name: string, event: IncomingEvent): AsyncIterable<Measurement> {
  const emitter = createBufferedEmitter({ write: () => Promise.resolve() });
  const destination = pino.destination({ dest: "/dev/null", sync: false, minLength: 4_096 });
  const logger = pino(destination);
  let length = 0;
  const contestants = {
    emit: () => cpuNsPerEvent(() => emitter.emit(event)),
    stringify: () =>
      cpuNsPerEvent(() => {
        length += JSON.stringify(event).length;
      }),
    pino: () => cpuNsPerEvent(() => logger.info(event)),
  };
  await interleave(WARM_UPS, contestants);
  const figures = await interleave(ROUNDS, contestants);
  await emitter.close();
  await new Promise((resolve) => logger.flush(resolve));
  destination.destroy();
  if (length === 0) throw new Error("nothing was stringified");
  const unit = "cpu ns/event";
  yield compare(`${name}, to JSON.stringify (≤ 1.25)`, unit, figures.emit, figures.stringify);
  yield compare(`${name}, to pino.info (≤ 0.4)`, unit, figures.emit, figures.pino);
}

async function cpuNsPerEvent(work: () => void): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < EVENTS_PER_ROUND; count++) {
    work();
    // The writer gets its turn as it would in an application that does something else in between.
    if (count % EVENTS_PER_TURN === 0) await Promise.resolve();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / EVENTS_PER_ROUND;
}

/** A chat call, without the id and the time that the emitter gives, and without its start: a piece. */
function aRunOf2KB(): IncomingEvent {
  return {
    kind: "run.ended",
    runId: "0193b0a0-1111-7111-8111-111111111112",
    traceId: "0193b0a0-1111-7111-8111-111111111110",
    scope: { kind: "user", id: "user-17" },
    tags: ["prod", "eu"],
    metadata: { env: "prod", region: "eu-west-1", attempt: 1, share: 0.25 },
    run: {
      type: "llm",
      name: "gpt-4o",
      provider: "openai",
      operation: "chat",
      status: "ok",
      request: {
        model: "gpt-4o",
        stream: true,
        params: { temperature: 0.7, max_tokens: 256 },
        input: [
          { role: "system", content: "You are a helpful assistant. ".repeat(12) },
          { role: "user", content: 'Tell me a story about a "fox", and\nmake it short. '.repeat(12) },
        ],
      },
      response: {
        id: "chatcmpl-A1b2C3",
        model: "gpt-4o-2024-08-06",
        output: { role: "assistant", content: "Once upon a time there was a fox. ".repeat(11) },
        finishReasons: ["stop"],
      },
      usage: {
        input: 120,
        output: 96,
        source: "provider",
        raw: { prompt_tokens: 120, completion_tokens: 96, total_tokens: 216 },
      },
    },
  };
}
