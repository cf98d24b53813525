import { createBufferedEmitter, type IncomingEvent } from "@sluice/sdk";
import { systemClock, systemRandom } from "@sluice/sdk/internal";

/**
 * What emitting costs against what cannot be saved: JSON.stringify of the same object. CPU time of this
 * process, rounds of both in turn, the median of the rounds' ratios.
 */
interface Result {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly runs: number;
}

const ROUNDS = 11;
const EVENTS_PER_ROUND = 20_000;
/** In one turn of the event loop. */
const EVENTS_PER_TURN = 16;

export async function* cases(): AsyncIterable<Result> {
  const event = aRunOf2KB();
  yield await measure("emit 2.1 KB, id minted", event);
  const run = { type: "llm", ...event.run, startTime: "2026-11-21T05:00:00.000Z" };
  // The id of a complete end is a SHA-1 of its run's, which is all the difference.
  yield await measure("emit 2.1 KB, id derived", { ...event, run });
}

async function measure(name: string, event: IncomingEvent): Promise<Result> {
  const emitter = createBufferedEmitter({
    clock: systemClock,
    random: systemRandom,
    write: () => Promise.resolve(),
  });
  const emit = async () => {
    for (let count = 0; count < EVENTS_PER_ROUND; count++) {
      emitter.emit(event);
      // The writer gets its turn as it would in an application that does something else in between.
      if (count % EVENTS_PER_TURN === 0) await Promise.resolve();
    }
    await emitter.flush();
  };
  let length = 0;
  const stringify = async () => {
    for (let count = 0; count < EVENTS_PER_ROUND; count++) {
      length += JSON.stringify(event).length;
      if (count % EVENTS_PER_TURN === 0) await Promise.resolve();
    }
  };

  await emit();
  await stringify();
  const rounds: { ours: number; limit: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const isOursFirst = round % 2 === 0;
    const first = await cpuNsPerEvent(isOursFirst ? emit : stringify);
    const second = await cpuNsPerEvent(isOursFirst ? stringify : emit);
    rounds.push(isOursFirst ? { ours: first, limit: second } : { ours: second, limit: first });
  }
  await emitter.close();
  if (length === 0) throw new Error("nothing was stringified");
  return {
    case: name,
    value: Math.round(median(rounds.map(({ ours }) => ours))),
    unit: "cpu ns/event",
    limit: Math.round(median(rounds.map(({ limit }) => limit))),
    ratio: Number(median(rounds.map(({ ours, limit }) => ours / limit)).toFixed(3)),
    runs: ROUNDS,
  };
}

async function cpuNsPerEvent(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / EVENTS_PER_ROUND;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
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
