import { decodeEvent, sleep, systemClock } from "@sluice/sdk/internal";
import OpenAI from "openai";
import { type DaemonClient, statusOf } from "../../daemon/client.ts";
import type { DaemonStatus } from "../../daemon/status.ts";
import { describeEvent } from "../describe-event.ts";
import { readSse } from "../sse.ts";
import { openDemoProvider } from "./provider.ts";

/** A sink may batch for a second and a backend take one more. */
const ARRIVAL_MS = 6_000;
const POLL_MS = 100;
/** After the last call, for the last event to be shown. */
const LIVE_TAIL_MS = 300;

/**
 * Five calls with the real `openai` package through the running daemon to a provider of our own, then what
 * became of them: the events as they were seen live, and what each sink got. Some seconds, no key, nothing
 * leaves this machine that the configured sinks do not send.
 */
export async function runDemo(daemon: DaemonClient, print: (line: string) => void): Promise<void> {
  const provider = await openDemoProvider(systemClock);
  const ended = new AbortController();
  try {
    await daemon.request("POST", "/v1/demo", { body: JSON.stringify({ base_url: provider.baseUrl }) });
    const before = await statusOf(daemon);
    const captured = Promise.withResolvers<void>();
    let ends = 0;
    const watching = watch(daemon, ended.signal, (line, kind) => {
      print(line);
      if (kind === "run.ended" && ++ends === CALLS.length) captured.resolve();
    });
    for (const line of introduction(daemon.discovery.url, before)) print(line);
    const client = new OpenAI({
      apiKey: "sk-demo-needs-no-key",
      baseURL: `${daemon.discovery.url}/demo/openai/v1`,
      maxRetries: 0,
      // Asked for where other machines could listen in; the proxy takes it out again.
      defaultHeaders: { "x-sluice-token": daemon.discovery.token },
    });
    for (const [title, call] of CALLS) {
      print(`→ ${title}: ${await call(client)}`);
    }
    // A call never waits for its capture, so the events may come a little after the answers.
    await Promise.race([captured.promise, sleep(systemClock, ARRIVAL_MS, ended.signal)]);
    await sleep(systemClock, LIVE_TAIL_MS, ended.signal);
    await showArrival(daemon, before, print);
    ended.abort();
    await watching;
  } finally {
    ended.abort();
    await provider.close();
  }
}

function introduction(url: string, { sinks }: DaemonStatus): readonly string[] {
  return [
    `Five calls with the openai package, through the proxy at ${url}, to a provider that this command brings along.`,
    "→ is what the application gets; the indented lines are the events that sluice keeps of it.",
    `They go to the configured sinks: ${sinks
      .filter(({ state }) => state !== "paused")
      .map(({ name, type }) => `${name} (${type})`)
      .join(", ")}.`,
    "",
  ];
}

type Call = (client: OpenAI) => Promise<string>;

const MESSAGES = [{ role: "user" as const, content: "Say hello." }];

const CALLS: readonly (readonly [string, Call])[] = [
  [
    "a chat completion",
    async (client) => {
      const answer = await client.chat.completions.create({ model: "demo-1", messages: MESSAGES });
      return answer.choices[0]?.message.content ?? "";
    },
  ],
  [
    "the same, streamed",
    async (client) => {
      const stream = await client.chat.completions.create({
        model: "demo-1",
        messages: MESSAGES,
        stream: true,
      });
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      return text;
    },
  ],
  [
    "a tool call",
    async (client) => {
      const answer = await client.chat.completions.create({
        model: "demo-1",
        messages: [{ role: "user", content: "How is the weather in Lisbon?" }],
        tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
      });
      const call = answer.choices[0]?.message.tool_calls?.[0];
      return call?.type === "function" ? `${call.function.name}(${call.function.arguments})` : "no call";
    },
  ],
  [
    "an embedding",
    async (client) => {
      const answer = await client.embeddings.create({
        model: "demo-1",
        input: "spool",
        encoding_format: "float",
      });
      return `${answer.data[0]?.embedding.length ?? 0} numbers`;
    },
  ],
  [
    "an error",
    (client) =>
      client.chat.completions.create({ model: "demo-none", messages: MESSAGES }).then(
        () => "no error",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
  ],
];

async function watch(
  daemon: DaemonClient,
  signal: AbortSignal,
  show: (line: string, kind: string) => void,
): Promise<void> {
  try {
    const response = await daemon.request("GET", "/v1/tail", { signal });
    for await (const { event, data } of readSse(response.body ?? new ReadableStream())) {
      if (event === "event") show(`  ${describeEvent(data)}`, decodeEvent(Buffer.from(data)).kind);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Waits until every sink has settled what the calls brought, or its time is up, and says what each got. */
async function showArrival(
  daemon: DaemonClient,
  before: DaemonStatus,
  print: (line: string) => void,
): Promise<void> {
  const untilMs = systemClock.monotonicMs() + ARRIVAL_MS;
  let after = await statusOf(daemon);
  while (after.sinks.some(({ balance }) => balance.pending > 0) && systemClock.monotonicMs() < untilMs) {
    await sleep(systemClock, POLL_MS, new AbortController().signal);
    after = await statusOf(daemon);
  }
  print("");
  for (const { name, type, state, balance, lastError } of after.sinks) {
    const earlier = before.sinks.find((sink) => sink.name === name)?.balance;
    const delivered = balance.delivered - (earlier?.delivered ?? 0);
    const skipped = total(balance.skipped) - total(earlier?.skipped ?? {});
    const notForIt = skipped > 0 ? `, ${skipped} it has no use for` : "";
    const pending =
      balance.pending > 0
        ? `, ${balance.pending} pending (${state}${lastError ? `: ${lastError}` : ""})`
        : "";
    print(`${name} (${type}): ${delivered} events delivered${notForIt}${pending}`);
  }
  print(`Everything is in ${after.dataDir}. Watch your own calls with: sluice tail`);
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, events) => sum + events, 0);
}
