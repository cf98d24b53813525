import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import * as http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { compare, type Measurement } from "./measure.ts";

/**
 * Two processes of one program differ by up to a tenth for all of their lives, by where their memory and
 * their compiled code happen to lie. So there are several of each.
 */
const GENERATIONS = 3;
const ROUNDS_PER_GENERATION = 7;
const CONCURRENT = 16;
const SHAPES = [
  { name: "json", stream: false, calls: 1_500, warmUpCalls: 8_000 },
  { name: "sse", stream: true, calls: 300, warmUpCalls: 1_500 },
] as const;

/**
 * CPU time per call of the whole proxy process, against a bare node:http pass-through in the same rounds,
 * whose order is turned each time; medians. `null` captures into a spool that forgets, so it is what reading
 * costs; `file` is the whole path: ends are priced, and appended to a file spool, its fdatasync included.
 */
export async function* cases(): AsyncIterable<Measurement> {
  const figures = new Map<string, number[]>();
  for (let generation = 0; generation < GENERATIONS; generation++) await measureGeneration(figures);
  for (const { name } of SHAPES) {
    const limits = figures.get(`${name}, bare`) ?? [];
    for (const spool of ["null", "file"]) {
      const title = `${name}, ${spool}`;
      yield compare(`${title} spool`, "us CPU/call", figures.get(title) ?? [], limits);
    }
  }
}

/** One process of each program, some rounds of each shape; adds to the figures. */
async function measureGeneration(figures: Map<string, number[]>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "sluice-bench-"));
  const programs: Program[] = [];
  try {
    const upstream = await startProgram(programs, "upstream");
    const bare = await startProgram(programs, "bare", upstream.url);
    const capture = await startProgram(programs, "null", upstream.url);
    const whole = await startProgram(programs, "file", upstream.url, dataDir);
    for (const shape of SHAPES) await measureShape(shape, [bare, capture, whole], figures);
  } finally {
    for (const program of programs) await program.stop();
    await rm(dataDir, { recursive: true });
  }
}

async function measureShape(
  { name, stream, calls, warmUpCalls }: (typeof SHAPES)[number],
  programs: readonly Program[],
  figures: Map<string, number[]>,
): Promise<void> {
  const body = requestBody(stream);
  // A daemon runs for weeks: what is compared is compiled code.
  for (const program of programs) await load(program.url, body, warmUpCalls);
  for (let round = 0; round < ROUNDS_PER_GENERATION; round++) {
    const turned = [
      ...programs.slice(round % programs.length),
      ...programs.slice(0, round % programs.length),
    ];
    for (const program of turned) {
      const title = `${name}, ${program.role}`;
      const known = figures.get(title) ?? [];
      figures.set(title, [...known, await measure(program, body, calls)]);
    }
  }
}

interface Program {
  readonly role: string;
  readonly url: string;
  cpuUs(): Promise<number>;
  stop(): Promise<void>;
}

async function startProgram(
  programs: Program[],
  role: string,
  upstreamUrl = "",
  dataDir = "",
): Promise<Program> {
  const file = path.join(import.meta.dirname, "proxy-programs.ts");
  const execArgv = ["--conditions=sluice-source"];
  const child: ChildProcess = fork(file, [role, upstreamUrl, dataDir], { execArgv });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const program = {
    role,
    url: `http://127.0.0.1:${port}`,
    cpuUs: async () => {
      child.send("cpu");
      const [{ cpuUs }] = (await once(child, "message")) as [{ cpuUs: number }];
      return cpuUs;
    },
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
  programs.push(program);
  return program;
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
