import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installProjects } from "../projects.ts";
import type { Arrived } from "./dispatch-events.ts";
import type { Job } from "./dispatch-programs.ts";
import { BENCH_SINKS } from "./dispatch-sinks.ts";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * From an application's event to a backend's 200, durability included. Ours: encoded once, appended to the
 * file spool, acknowledged after fdatasync, routed, posted as stored. The limit: the same events encoded and
 * posted by undici, with a list in memory and nothing else. Both in batches of 32 over 4 keep-alive
 * connections to a backend of its own process. Programs: dispatch-programs.ts. Every cell is a fresh process,
 * the two sides of a round run one after the other in random order, and a round in which an event is missing
 * or arrives twice ends the benchmark.
 *
 * "from a cold start" is what the goal was set on: a process's first 16,000 events, the compiler's warming up
 * included on both sides, emitted as fast as it can. "steady" is the same when all is warm and the
 * application waits for its backend, "behind" when it is so far ahead that ours reads back from the disk: so
 * that nobody takes one for the other.
 */
const CASES = [
  { name: "16,000 events from a cold start", warmUp: 0, events: 16_000, aheadMax: 16_000, rounds: 9 },
  {
    name: "steady",
    warmUp: 16_000,
    events: 100_000,
    aheadMax: 2_000,
    rounds: 7,
  },
  {
    name: "behind",
    warmUp: 16_000,
    events: 64_000,
    aheadMax: 32_000,
    rounds: 7,
  },
] as const;

/**
 * A sink that maps, against undici posting the same bodies and against the clients of others as they come:
 * the same events, each sent as its users send a run that is over. All wait when they are so far ahead that
 * none of them drops.
 */
const MAPPED = { warmUp: 3_200, events: 16_000, aheadMax: 1_500, rounds: 5 } as const;
/** What one of ours may take of the CPU of undici, which posts the same bodies; and of these clients. */
const UNDICI_GOAL = 1.5;
const CLIENTS = [
  { name: "client-langfuse-otel", goal: 0.8 },
  { name: "client-langfuse", goal: 0.25 },
  { name: "client-otlp", goal: 1.2 },
] as const;

const PROGRAMS = new URL("./dispatch-programs.ts", import.meta.url);

export async function* cases(): AsyncIterable<Measurement> {
  const backend = fork(PROGRAMS, ["backend"]);
  const port = await nextMessage<number>(backend);
  const url = `http://127.0.0.1:${port}/v1/events`;
  try {
    for (const { name, rounds, ...work } of CASES) {
      const figures = await interleave(rounds, {
        undici: () => measure("undici", backend, { url, ...work }),
        sluice: () => measure("sluice", backend, { url, ...work }),
      });
      yield compare(name, "µs CPU/event", figures.sluice, figures.undici);
    }
    yield* mappedCases(backend, url);
  } finally {
    backend.kill();
  }
}

async function* mappedCases(backend: ChildProcess, url: string): AsyncIterable<Measurement> {
  const { rounds, ...work } = MAPPED;
  await installProjects(CLIENTS.map(({ name }) => name));
  const sinks = Object.keys(BENCH_SINKS);
  const contestants = Object.fromEntries([
    ...sinks.map((sink) => [`sluice ${sink}`, () => measure("sluice", backend, { url, sink, ...work })]),
    ...sinks.map((sink) => [`undici ${sink}`, () => measure("undici", backend, { url, sink, ...work })]),
    ...CLIENTS.map(({ name: project }) => [
      project,
      () => measure("client", backend, { url, project, ...work }),
    ]),
  ]);
  const figures = await interleave<string>(rounds, contestants);
  for (const sink of sinks) {
    const rivals = [{ name: `undici ${sink}`, goal: UNDICI_GOAL }, ...CLIENTS];
    for (const { name, goal } of rivals) {
      const title = `the ${sink} sink against ${name} (goal: ${goal})`;
      yield compare(title, "µs CPU/event", figures[`sluice ${sink}`] ?? [], figures[name] ?? []);
    }
  }
}

/** CPU µs per event of one program, from its own process. Throws unless each event arrived exactly once. */
async function measure(program: string, backend: ChildProcess, work: Omit<Job, "dataDir">): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    const child = fork(PROGRAMS, [program, JSON.stringify({ ...work, dataDir })]);
    const cpuMicros = await nextMessage<number>(child);
    await once(child, "exit");
    const counted = nextMessage<Arrived>(backend);
    backend.send("take");
    const { total, unique } = await counted;
    const expected = work.warmUp + work.events;
    // A form may say one thing of an event twice; then it does so of all.
    const isMapped = work.sink !== undefined || work.project !== undefined;
    if (unique !== expected || (isMapped ? total % expected !== 0 : total !== expected)) {
      throw new Error(`${program}: ${expected} events were sent, ${total} arrived, ${unique} different ones`);
    }
    return cpuMicros;
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

/** Rejects if the program ends without a word. */
function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a program of the benchmark ended with ${code}`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as Message);
    });
  });
}
