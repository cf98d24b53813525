import { randomUUID } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import {
  createIds,
  deriveId,
  type Provider,
  systemClock,
  systemDisk,
  systemRandom,
} from "@sluice/sdk/internal";
import type { Intake } from "../../packages/sluice/src/sources/intake.ts";
import { createProxy } from "../../packages/sluice/src/sources/proxy/proxy.ts";
import { openFileSpool } from "../../packages/sluice/src/spool/file/spool.ts";
import type { AppendOutcome } from "../../packages/sluice/src/spool/spool.ts";
import { Meter } from "../../packages/sluice/src/transforms/meter.ts";

/**
 * The programs that the proxy benchmark starts, each a process of its own: `upstream`, which answers like
 * OpenAI, and the proxies that are compared. Each tells its port, and its CPU time whenever it is asked.
 */
const [, , role, upstreamUrl = "", dataDir = ""] = process.argv;

const CHUNKS = 200;
const WRITES = 20;
const SPOOL_BYTES_MAX = 1024 * 1024 * 1024;

function startUpstream(): http.Server {
  const head = { id: "chatcmpl-C4TUacC25IN2vuTdOzverPXrXhZa2", model: "gpt-4.1-mini-2025-04-14" };
  const content = "The quick brown fox jumps over the lazy dog. ".repeat(14);
  const usage = { prompt_tokens: 312, completion_tokens: 187, total_tokens: 499 };
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
  const json = Buffer.from(
    JSON.stringify({ ...head, object: "chat.completion", created: 1_795_230_000, choices, usage }),
  );
  const chunk = (delta: object, finish: string | null) => {
    const obfuscation = randomUUID().slice(0, 1 + Math.floor(Math.random() * 12));
    const only = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    const body = {
      ...head,
      object: "chat.completion.chunk",
      created: 1_795_230_000,
      choices: only,
      obfuscation,
    };
    return `data: ${JSON.stringify(body)}\n\n`;
  };
  const chunks = Array.from({ length: CHUNKS }, (_, index) => chunk({ content: ` token${index}` }, null));
  chunks[0] = chunk({ role: "assistant", content: "" }, null);
  // Without it the stream would be counted, and that is another benchmark.
  const last = `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage })}\n\n`;
  chunks[CHUNKS - 1] = `${chunk({}, "stop")}${last}data: [DONE]\n\n`;
  const perWrite = CHUNKS / WRITES;
  const writes = Array.from({ length: WRITES }, (_, index) =>
    Buffer.from(chunks.slice(index * perWrite, (index + 1) * perWrite).join("")),
  );
  return http.createServer((request, response) => {
    let isStream = false;
    request.on("data", (bytes: Buffer) => {
      isStream ||= bytes.includes('"stream":true');
    });
    request.on("end", () => {
      if (!isStream) {
        response.writeHead(200, { "content-type": "application/json", "content-length": json.length });
        response.end(json);
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      let sent = 0;
      const next = () => {
        if (sent === writes.length) return response.end();
        response.write(writes[sent++]);
        return setImmediate(next);
      };
      next();
    });
  });
}

/** The least a pass-through in Node can be, as one would write it in ten lines. */
function startBare(): http.Server {
  const { hostname, port } = new URL(upstreamUrl);
  const agent = new http.Agent({ keepAlive: true });
  return http.createServer((request, response) => {
    const path = (request.url ?? "/").slice("/openai".length);
    const { method, headers } = request;
    const outgoing = http.request({ hostname, port, path, method, headers, agent }, (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    request.pipe(outgoing);
  });
}

/** Captures no operation: what the proxy costs when it only passes. */
const nothing: Provider = { name: "openai", operation: () => undefined };

async function startCapture(): Promise<http.Server> {
  const proxy = createProxy({
    intake: {
      bootId: randomUUID(),
      durability: "disk",
      append: role === "file" ? await fileAppend() : forget,
    },
    clock: systemClock,
    ids: { uuidv7: createIds(systemClock, systemRandom).uuidv7, derive: deriveId },
    upstreams: { openai: { baseUrl: upstreamUrl, ...(role === "pass" && { provider: nothing }) } },
    onUncaptured: (reason, n) => console.error("uncaptured", reason, n),
  });
  return http.createServer((request, response) => {
    proxy(request, response, "openai", (request.url ?? "/").slice("/openai".length));
  });
}

const FORGOTTEN: AppendOutcome = { status: "appended", offset: 0 };
const forget: Intake["append"] = async (records) => records.map(() => FORGOTTEN);

/** The null spool's opposite: meters the records, and resolves when they are on the disk. */
async function fileAppend(): Promise<Intake["append"]> {
  const spool = await openFileSpool({
    dataDir,
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    maxBytes: SPOOL_BYTES_MAX,
    minFreeBytes: 0,
  });
  const meter = new Meter({ clock: systemClock, metering: { prices: [], isCounting: true } });
  return async (records, signal) => {
    const outcomes = await spool.append(await meter.add(records), signal);
    // No route reads here, so nothing but this gives space back.
    if (spool.state.bytes > SPOOL_BYTES_MAX / 2) await spool.trim(0, spool.state.nextOffset);
    return outcomes;
  };
}

async function start(): Promise<http.Server> {
  if (role === "upstream") return startUpstream();
  return role === "bare" ? startBare() : startCapture();
}

const server = await start();
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("message", () => {
  // Work that was put off belongs to the calls before it.
  setTimeout(() => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
  }, 20);
});
process.on("disconnect", () => process.exit(0));
