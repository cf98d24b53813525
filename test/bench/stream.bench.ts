import { fork } from "node:child_process";
import { once } from "node:events";
import { compare, interleave, type Measurement, median } from "./measure.ts";
import type { Job } from "./stream-programs.ts";

/**
 * What a token costs on its way from one sender to one reader, against what else does that in Node: CPU
 * time, 400,000 text deltas (a quarter for the slowest), capacity 256. Programs: stream-programs.ts. Every
 * cell is a fresh process, all of a round run one after the other in random order, and a ratio is the median
 * of the rounds' own. The goals, as ratios: item ≤ 0.4 of it-pushable, ≤ 0.333 of Readable, ≤ 0.1 of
 * TransformStream, ≤ 10 emitters; batch ≤ 3 emitters; an item in 1,000 streams ≤ 2.2 in one; an idle stream
 * ≤ 2,048 bytes.
 */
const ROUNDS = 9;
const EVENTS = 400_000;
const IDLE_STREAMS = 10_000;
const IDLE_BYTES_MAX = 2_048;

const PROGRAMS = new URL("./stream-programs.ts", import.meta.url);

export async function* cases(): AsyncIterable<Measurement> {
  const figures = await interleave(ROUNDS, {
    emitter: () => run("emitter"),
    loop: () => run("loop"),
    item: () => run("item"),
    batch: () => run("batch"),
    pushable: () => run("pushable"),
    readable: () => run("readable"),
    transform: () => run("transform", 1, EVENTS / 4),
    many: () => run("item", 1_000),
    manyBatches: () => run("batch", 1_000),
  });
  const unit = "CPU ns/event";
  yield compare("item, of it-pushable", unit, figures.item, figures.pushable);
  yield compare("item, of Readable", unit, figures.item, figures.readable);
  yield compare("item, of TransformStream", unit, figures.item, figures.transform);
  yield compare("item, of EventEmitter", unit, figures.item, figures.emitter);
  yield compare("item, of the bare async loop", unit, figures.item, figures.loop);
  yield compare("bare async loop, of it-pushable", unit, figures.loop, figures.pushable);
  yield compare("batch, of EventEmitter", unit, figures.batch, figures.emitter);
  yield compare("item in 1,000 streams, of one", unit, figures.many, figures.item);
  yield compare("batch in 1,000 streams, of one", unit, figures.manyBatches, figures.batch);
  for (const program of ["idle", "idleWithReader"] as const) {
    const bytes = await interleave(3, { idle: () => run(program, IDLE_STREAMS) });
    const value = median(bytes.idle);
    const ratio = value / IDLE_BYTES_MAX;
    const name = program === "idle" ? "idle stream" : "idle stream, a reader waiting";
    yield { case: name, value, unit: "bytes", limit: IDLE_BYTES_MAX, ratio, runs: bytes.idle.length };
  }
}

/** What one program tells, from a process of its own. */
async function run(program: Job["program"], streams = 1, events = EVENTS): Promise<number> {
  const job: Job = { program, streams, events };
  const child = fork(PROGRAMS, [JSON.stringify(job)]);
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`the program ${program} ended with ${code}`);
  });
  const [figure] = await Promise.race([once(child, "message"), exited]);
  await exited.catch(() => {});
  return figure;
}
