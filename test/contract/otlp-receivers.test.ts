import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Event } from "@sluice/sdk";
import { spanIdOf, systemClock, systemDisk, traceIdOf } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { Sink } from "../../packages/sluice/src/sinks/define.ts";
import { otlpSink } from "../../packages/sluice/src/sinks/otlp/sink.ts";
import { llmRun, outgoing } from "../../packages/sluice/src/testing/index.ts";
import { projectFolder } from "../projects.ts";

/** The servers are ones that others wrote; their packages are a project of its own. */
const PROJECT = projectFolder("otlp-receivers");

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const forever = new AbortController().signal;

/** Its lines, one after the other: the URL, then the spans. */
function startReceiver(): AsyncIterator<string> {
  const child = spawn(process.execPath, [join(PROJECT, "receive.js")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  closers.push(() => {
    child.stdin.end();
    return ended;
  });
  return createInterface(child.stdout)[Symbol.asyncIterator]();
}

/** The URL of a receiver that keeps what it gets and gives it back. It says where it listens. */
async function startKeeper(): Promise<string> {
  const program = join(PROJECT, "node_modules/autotel-devtools/dist/cli.js");
  const ports = [await freePort(), await freePort()].map(String);
  const [port = "", grpcPort = ""] = ports;
  const child = spawn(process.execPath, [program, "--port", port, "--grpc-port", grpcPort], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  closers.push(() => {
    child.kill();
    return ended;
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /OTLP: +(http:\S+)\/v1\/traces/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("the receiver has ended");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function nextOf(lines: AsyncIterator<string>): Promise<Record<string, unknown>> {
  const { value, done } = await lines.next();
  if (done) throw new Error("the receiver has ended");
  return JSON.parse(value);
}

async function openSink(params: Readonly<Record<string, unknown>>): Promise<Sink> {
  const context = { name: "o", clock: systemClock, disk: systemDisk, dataDir: "/", warn: () => undefined };
  const sink = await otlpSink.open(otlpSink.options.parse(params), context);
  closers.push(() => sink.close());
  return sink;
}

const agent: Event = {
  ...llmRun({ runId: "agent-1", session: { id: "s-1" } }),
  run: { type: "agent", name: "planner", startTime: "2026-01-01T00:00:00Z", status: "ok" },
};
const failed: Event = {
  ...llmRun({ runId: "run-1", parentRunId: "agent-1", traceId: "0af7651916cd43dd8448eb211c80319c" }),
  time: "2026-01-01T00:00:01.123456789Z",
  metadata: { team: { name: "blue" }, big: 9_007_199_254, part: 0.5, list: ["a", "b"] },
  run: {
    ...llmRun().run,
    type: "llm",
    startTime: "2026-01-01T00:00:00.1Z",
    status: "error",
    error: { message: "boom: é" },
  },
};

const integers = (attributes: unknown) =>
  Object.fromEntries(
    Object.entries(Object(attributes)).map(([name, value]) => [
      name,
      typeof value === "number" ? String(value) : value,
    ]),
  );

test.each(["protobuf", "json"] as const)(
  "a receiver from npm reads our %s, and passes the check of the sink",
  async (encoding) => {
    const lines = startReceiver();
    const { url } = await nextOf(lines);
    const sink = await openSink({ endpoint: url, encoding, resource: { "service.name": "shop" } });

    expect(await sink.check(forever)).toBeUndefined();
    expect(await sink.send([agent, failed].map(outgoing), forever)).toMatchObject({ status: "delivered" });
    const [one, other] = [await nextOf(lines), await nextOf(lines)];

    expect(one).toMatchObject({
      resource: { "service.name": "shop" },
      scope: "sluice",
      traceId: traceIdOf(agent),
      spanId: spanIdOf("agent-1"),
      name: "invoke_agent planner",
      kind: "SPAN_KIND_INTERNAL",
    });
    expect(other).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: spanIdOf("run-1"),
      parentSpanId: spanIdOf("agent-1"),
      name: "chat gpt-4.1-mini",
      kind: "SPAN_KIND_CLIENT",
      startTimeUnixNano: "1767225600100000000",
      endTimeUnixNano: "1767225601123456789",
      status: { code: "STATUS_CODE_ERROR", message: "boom: é" },
    });
    expect(integers(other["attributes"])).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.usage.input_tokens": "5",
      "error.type": "_OTHER",
      "sluice.meta.team.name": "blue",
      "sluice.meta.big": "9007199254",
      "sluice.meta.part": "0.5",
      "sluice.meta.list": ["a", "b"],
    });
  },
);

test.each(["protobuf", "json"] as const)(
  "another one from npm gives our %s back as traces, with what was said",
  async (encoding) => {
    const url = await startKeeper();
    const sink = await openSink({ endpoint: url, encoding, content: true });

    expect(await sink.check(forever)).toBeUndefined();
    expect(await sink.send([agent, failed].map(outgoing), forever)).toMatchObject({ status: "delivered" });
    const { traces } = Object(await (await fetch(`${url}/v1/traces`)).json());

    const spans = new Map(
      traces
        .flatMap((trace: { spans: { spanId: string }[] }) => trace.spans)
        .map((span: { spanId: string }) => [span.spanId, span]),
    );
    expect(spans.size).toBe(2);
    expect(spans.get(spanIdOf("agent-1"))).toMatchObject({ name: "invoke_agent planner", kind: "INTERNAL" });
    expect(spans.get(spanIdOf("run-1"))).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentSpanId: spanIdOf("agent-1"),
      kind: "CLIENT",
      startTime: Date.parse("2026-01-01T00:00:00.1Z"),
      attributes: {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hello"}]}]',
      },
      status: { code: "ERROR", message: "boom: é" },
    });
  },
);
