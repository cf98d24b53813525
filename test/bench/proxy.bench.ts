import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import path from "node:path";

/**
 * One measured case. `ratio` is `value` against `limit`, the bare pass-through measured in the same rounds.
 */
export interface BenchCase {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly runs: number;
}

const ROUNDS = 9;
const CONCURRENT = 16;
const SHAPES = [
  { name: "json", stream: false, calls: 1_500, warmUpCalls: 12_000 },
  { name: "sse", stream: true, calls: 300, warmUpCalls: 2_500 },
] as const;

/**
 * CPU time per call of each proxy process, against a bare node:http pass-through; paired and interleaved
 * rounds, medians.
 */
export async function* cases(): AsyncIterable<BenchCase> {
  const upstream = await startProgram("upstream");
  const bare = await startProgram("bare", upstream.url);
  const capture = await startProgram("capture", upstream.url);
  try {
    for (const { name, stream, calls, warmUpCalls } of SHAPES) {
      const body = requestBody(stream);
      // A daemon runs for weeks: what is compared is compiled code.
      for (const program of [bare, capture]) await load(program.url, body, warmUpCalls);
      const bareUs: number[] = [];
      const captureUs: number[] = [];
      const ratios: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const order = round % 2 === 0 ? [bare, capture] : [capture, bare];
        const usPerCall = new Map<Program, number>();
        for (const program of order) usPerCall.set(program, await measure(program, body, calls));
        const [one, other] = [usPerCall.get(bare) ?? 0, usPerCall.get(capture) ?? 0];
        bareUs.push(one);
        captureUs.push(other);
        ratios.push(other / one);
      }
      const [value, limit] = [median(captureUs), median(bareUs)];
      yield {
        case: `capture-null-${name}`,
        value,
        unit: "us CPU/call",
        limit,
        ratio: median(ratios),
        runs: ROUNDS,
      };
    }
  } finally {
    for (const program of [capture, bare, upstream]) program.stop();
  }
}

interface Program {
  readonly url: string;
  cpuUs(): Promise<number>;
  stop(): void;
}

async function startProgram(role: string, upstreamUrl = ""): Promise<Program> {
  const file = path.join(import.meta.dirname, "proxy-programs.ts");
  const child: ChildProcess = fork(file, [role, upstreamUrl], { execArgv: ["--conditions=sluice-source"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    cpuUs: async () => {
      child.send("cpu");
      const [{ cpuUs }] = (await once(child, "message")) as [{ cpuUs: number }];
      return cpuUs;
    },
    stop: () => child.disconnect(),
  };
}

async function measure(program: Program, body: string, calls: number): Promise<number> {
  const beforeUs = await program.cpuUs();
  await load(program.url, body, calls);
  return ((await program.cpuUs()) - beforeUs) / calls;
}

async function load(url: string, body: string, calls: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENT });
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call(`${url}/openai/v1/chat/completions`, body, agent);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  agent.destroy();
}

function call(url: string, body: string, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      authorization: "Bearer sk-bench-0123456789abcdef",
      accept: "application/json",
      "user-agent": "OpenAI/JS 7.55.0",
      "x-stainless-lang": "js",
      "x-stainless-retry-count": "0",
    };
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      response.on("data", () => {});
      response.on("end", resolve);
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** About 1 KB, as a short conversation is. */
function requestBody(stream: boolean): string {
  const sentence = "The quick brown fox jumps over the lazy dog while the model explains durable pipelines. ";
  const messages = [
    { role: "system", content: `You are a careful assistant. ${sentence.repeat(2)}` },
    { role: "user", content: `Question 1: ${sentence.repeat(7)}` },
  ];
  return JSON.stringify({ model: "gpt-4.1-mini", temperature: 0.2, ...(stream && { stream }), messages });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
