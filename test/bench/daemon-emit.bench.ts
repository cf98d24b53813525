import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { createDaemonEmitter, type IncomingEvent } from "@sluice/sdk";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * The daemon emitter against the OpenTelemetry batch processor with the OTLP exporter over HTTP, both with
 * their defaults: the same chat call of 2.1 KB as an event and as a span with attributes, sent over loopback
 * to a server in a process of its own that answers at once.
 *
 * "emit call" is the CPU time (user and system, all threads of the process) between the first and the last
 * line of the loop that emits, 100 calls a turn and nothing else in it (the events are made before):
 * checking, stringifying, ids, the write into the spill file; and of sending what happens inside a call,
 * which with the batch processor is the encoding of every batch that a call completes. "emit to answer" is
 * the CPU time of the process from the first call until everything was acknowledged, by the number of
 * events. A burst of 2,000 fits the batch processor's queue of 2,048, so that it drops nothing.
 */
const ROUNDS = 11;
const EVENTS = 2_000;
const EVENTS_PER_TURN = 100;
const SINK = new URL("./daemon-emit-sink.ts", import.meta.url);

interface Contestant {
  emit(index: number): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Cost {
  readonly callUs: number;
  readonly wholeUs: number;
}

export async function* cases(): AsyncIterable<Measurement> {
  const sink = fork(SINK);
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const [port] = await once(sink, "message");
  const url = `http://127.0.0.1:${port}`;
  try {
    for (const survive of ["kill", "crash"] as const) {
      const ours = createOurs(url, directory, survive);
      const otel = createOtel(url);
      const costs: { ours: Cost[]; otel: Cost[] } = { ours: [], otel: [] };
      await burst(ours);
      await burst(otel);
      await interleave(ROUNDS, {
        ours: async () => costs.ours.push(await burst(ours)),
        otel: async () => costs.otel.push(await burst(otel)),
      });
      await ours.close();
      await otel.close();
      for (const [name, key] of [
        ["emit call", "callUs"],
        ["emit to answer", "wholeUs"],
      ] as const) {
        const of = (list: readonly Cost[]) => list.map((cost) => cost[key]);
        yield compare(`${name}, survive "${survive}"`, "µs CPU/event", of(costs.ours), of(costs.otel));
      }
    }
  } finally {
    sink.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

async function burst(contestant: Contestant): Promise<Cost> {
  globalThis.gc?.();
  const begun = process.cpuUsage();
  let callUs = 0;
  for (let index = 0; index < EVENTS; index += EVENTS_PER_TURN) {
    const before = process.cpuUsage();
    for (let call = index; call < index + EVENTS_PER_TURN; call++) contestant.emit(call);
    callUs += sum(process.cpuUsage(before));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await contestant.flush();
  return { callUs: callUs / EVENTS, wholeUs: sum(process.cpuUsage(begun)) / EVENTS };
}

function sum({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}

function createOurs(url: string, dataDir: string, survive: "crash" | "kill"): Contestant {
  let drops = 0;
  const onDrop = (count: number) => {
    drops += count;
  };
  const emitter = createDaemonEmitter({ url, dataDir, survive, onDrop });
  return {
    emit: (index) => emitter.emit(callAt(index)),
    async flush() {
      await emitter.flush();
      if (drops > 0) throw new Error(`${drops} events were dropped: what was measured is not the work`);
    },
    close: () => emitter.close(),
  };
}

function createOtel(url: string): Contestant {
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
  const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
  const tracer = provider.getTracer("bench");
  return {
    emit: (index) => traceCall(tracer, callAt(index)),
    flush: () => provider.forceFlush(),
    close: () => provider.shutdown(),
  };
}

/** The same call, with the names of OpenTelemetry's GenAI conventions. */
function traceCall(tracer: Tracer, { run, metadata }: IncomingEvent): void {
  const { request, response, usage } = run ?? {};
  const span = tracer.startSpan(`chat ${request?.model}`, {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": request?.model ?? "",
      "gen_ai.response.model": response?.model ?? "",
      "gen_ai.response.id": response?.id ?? "",
      "gen_ai.usage.input_tokens": usage?.input ?? 0,
      "gen_ai.usage.output_tokens": usage?.output ?? 0,
      "gen_ai.input.messages": JSON.stringify(request?.input),
      "gen_ai.output.messages": JSON.stringify(response?.output),
      metadata: JSON.stringify(metadata),
    },
  });
  span.end();
}

const SENTENCE = "The quick brown fox jumps over the lazy dog while the model explains how events are kept. ";

function aCall(index: number): IncomingEvent {
  return {
    kind: "run.ended",
    runId: `run-${index}`,
    metadata: { session: `session-${index % 500}`, env: "production", release: "2026.11.3", share: 0.93 },
    run: {
      type: "llm",
      status: "ok",
      request: {
        model: "gpt-4o",
        params: { temperature: 0.7, max_tokens: 1_024 },
        input: [
          { role: "system", content: `You are careful. ${SENTENCE}` },
          { role: "user", content: `Question ${index}: ${SENTENCE.repeat(8)}` },
        ],
      },
      response: {
        id: `chatcmpl-${index}`,
        model: "gpt-4o-2024-08-06",
        output: { role: "assistant", content: `Answer ${index}: ${SENTENCE.repeat(9)} "quoted" and\nmore.` },
      },
      usage: { input: 312 + (index % 50), output: 187, source: "provider" },
    },
  };
}

/** Made before anything is measured: what an application has in hand when it emits. */
const CALLS = Array.from({ length: 256 }, (_, index) => aCall(index));

function callAt(index: number): IncomingEvent {
  return CALLS[index % CALLS.length] ?? aCall(index);
}
