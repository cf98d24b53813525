import { KIND_CODES } from "@sluice/sdk";
import { z } from "zod";
import { defineSink, type Sink, type SinkContext } from "../define.ts";
import { type ItemDelivery, summary } from "../delivery.ts";
import { createHttpSend, type HttpSend } from "../http-send.ts";
import { jsonList } from "../json-list.ts";
import { createRecentRuns } from "../recent-runs.ts";
import { storableJson } from "../storable.ts";
import { mapBatch, NO_INDEX } from "./batch.ts";
import type { MappedRun } from "./mapping.ts";
import { createOpenStarts } from "./open-starts.ts";
import { createParents, type Parents } from "./parents.ts";
import { asItsRun, placed } from "./placing.ts";
import { readResults } from "./results.ts";

const INGEST_PATH = "/v1/runs/ingest";
/** Its server takes 20 MB; what is smaller is stored sooner and costs less to send again. */
const BODY_BYTES_MAX = 8_000_000;
/** The mapping renames and adds a little: with raw bytes below this, the body stays below its own limit. */
const BATCH_BYTES_MAX = 7_000_000;
/** A run is two Lunary events, and a request carries 250 of them. */
const RUNS_MAX = 125;
/** 250 results with a sentence each. */
const ANSWER_BYTES_MAX = 256 * 1024;

const KINDS: ReadonlySet<number> = new Set([
  KIND_CODES["run.started"],
  KIND_CODES["run.ended"],
  KIND_CODES["run.scored"],
  KIND_CODES["session.created"],
]);

const options = z.strictObject({
  api_key: z
    .string()
    .min(1)
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces")
    .meta({ secret: true })
    .describe("The project's public or private key."),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !URL.parse(url)?.username, "must not contain a user name; the key goes to api_key")
    .default(`https://api.lunary.ai${INGEST_PATH}`)
    .describe(`Where runs are posted. A base URL gets ${INGEST_PATH}.`),
  requests_per_second: z
    .number()
    .min(0.01)
    .max(1_000)
    .default(2)
    .describe(
      "What the server allows this address; its own default is 150 a minute. More only for your own.",
    ),
  threads: z
    .boolean()
    .default(false)
    .describe("Each session is a thread, and its runs without a parent hang from it: for chats."),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe("Upper bound for one request, in milliseconds."),
});

export const lunarySink = defineSink({
  type: "lunary",
  summary: "Sends runs to Lunary, each with its start and its end in one request.",
  options,
  // 150 requests a minute and IP address is what its server allows; 2 a second leave room for others behind
  // the same address.
  limits: { events: RUNS_MAX, bytes: BATCH_BYTES_MAX, requestsPerSecond: 2 },
  tune: ({ requests_per_second }) => ({ requestsPerSecond: requests_per_second }),
  // A parent must be stored before its children, and updates of one run must not race.
  order: "trace",
  inFlight: 4,
  docs: {
    example:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own placeholder.
      '[[sinks]]\nname = "lunary"\ntype = "lunary"\n\n[sinks.params]\napi_key = "${env:LUNARY_API_KEY}"',
    mapping: [
      ["run.ended, ok", "`start` and `end`"],
      [
        "run.ended, error",
        "`start` and `error`, with an `end` between them for what was answered or counted",
      ],
      ["run.ended, cancelled or incomplete", "`start` and `end`, `metadata.status` and `metadata.reason`"],
      ["run.started of an agent, a chain, a tool", "`start`, so that its children find their parent"],
      ["run.started of an llm, an embedding, a retriever", "skipped `sent_with_end`"],
      ["run.scored", "`feedback`, once its run is stored; `name` and `value` become a member of that name"],
      ["session.created", "skipped `unmapped`; with `threads = true` a `start` of type `thread`"],
      [
        "type llm, agent, chain, tool, retriever, embedding",
        "`llm`, `agent`, `chain`, `tool`, `retriever`, `embed`; another is a `chain`",
      ],
      ["user and their props, tags, parameters", "`userId` and `userProps`, `tags`, `params`"],
      [
        "`templateVersionId` or `templateId`, in the metadata or of a run payload",
        "`templateVersionId`, if it is a whole number",
      ],
      [
        "provider, the model that answered, cost, and the counts that Lunary has no column for",
        "`metadata`: `provider`, `model`, `costUsd`, `cacheWrite5mTokens`, `cacheWrite1hTokens`, `reasoningTokens`, `audioInputTokens`, `audioOutputTokens`; yours of the same name win",
      ],
      ["first token", "not sent: Lunary has no place for it"],
      ["tool.called", "skipped `unmapped`: it stands in the output of its run"],
      ["everything else", "skipped `unmapped`"],
    ],
    notes: [
      "Lunary stores UUIDs: any other run id becomes a UUIDv5, always the same one. Run ids are global at Lunary, so let them be UUIDs.",
      "A run that Lunary already has counts as delivered; a retry or a replay makes no second one.",
      "Token counts are totals: prompt includes cached input, completion includes reasoning. Unknown counts are left out, and Lunary counts by itself.",
      "Lunary computes a cost by its own prices, of the run's name and its two totals; what the run cost stands in `metadata.costUsd`.",
      "Metadata is spread over dotted keys, because Lunary keeps its first level only. Lunary itself writes snake_case keys in camelCase, also inside inputs and outputs.",
      "Half surrogate pairs and NUL characters, which its database cannot hold, become U+FFFD.",
      "Lunary answers feedback for a run that it does not have with success, and stores it nowhere. So the run of a score is sent before it, or asked for if an earlier process sent it; the score of a run that Lunary does not have waits for a minute, and is a dead letter then, to be retried when the run is there. A score that comes before its run's end takes the run's start with it.",
      "Two events of Lunary's API are never sent, because a retry would store them twice: `log` and `chat`. `appId`, which would move a run to another project, is never sent either.",
      "Signatures and sealed thoughts of providers are left out.",
      "Lunary links a child only to a parent that it has: a parent without a run.started of its own is sent after its children, and those then carry `metadata.parentRunId` instead.",
    ],
  },
  destination: ({ endpoint }) => ingestUrl(endpoint),
  skips: (kindCode) => (KINDS.has(kindCode) ? undefined : "unmapped"),
  open: async (settings, context) => openLunary(settings, context),
});

function openLunary(settings: z.output<typeof options>, context: SinkContext): Sink {
  const http = createHttpSend({
    url: ingestUrl(settings.endpoint),
    headers: {
      authorization: `Bearer ${settings.api_key}`,
      "content-type": "application/json",
      accept: "application/json",
      "user-agent": "sluice",
    },
    secrets: [settings.api_key],
    clock: context.clock,
    timeoutMs: settings.timeout_ms,
    answerBytesMax: ANSWER_BYTES_MAX,
  });
  const parents = createParents();
  const openStarts = createOpenStarts();
  const recent = createRecentRuns(context.clock);
  const base = new URL(ingestUrl(settings.endpoint)).pathname.replace(
    /\/(v1\/runs\/ingest|api\/report)\/?$/,
    "",
  );

  return {
    async send(batch, signal) {
      const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
      const { runs, feedback } = mapBatch(batch, outcomes, {
        withThreads: settings.threads,
        parents,
        openStarts,
      });
      const arranged = parents.arrange(runs);
      const { ready, failure, ...rest } = await placed(feedback, arranged, parents, recent, (runId) =>
        http.get(`${base}/v1/runs/${runId}/feedback`, signal),
      );
      if (failure) return failure;
      for (const [index, outcome] of rest.outcomes) outcomes[index] = outcome;
      const sent = [...arranged, ...ready];
      // Said once for all, feedback that waits would look like a server that is down.
      const said = () =>
        rest.outcomes.size > 0 ? ({ status: "mixed", each: outcomes } as const) : summary(outcomes);
      if (sent.length === 0) return said();
      const body = bodyOf(sent);
      if (sent.length > 1 && body.length > BODY_BYTES_MAX) {
        return { status: "tooLarge", reason: `the request would have ${body.length} bytes` };
      }
      const answer = await http.post(body, signal);
      if (answer.status !== "answered") {
        // Not after a time-out: waiting for that very parent may be what took so long.
        if (answer.httpStatus !== undefined) parents.refused(arranged);
        return answer;
      }
      const each = readResults(answer.body, sent, http.redact);
      const { httpStatus } = answer;
      if (typeof each === "string") return { status: "retry", reason: each, httpStatus };
      note(sent, each, outcomes, parents);
      return { ...said(), httpStatus };
    },
    check: (signal) => check(http, signal),
    close: () => http.close(),
  };
}

/** Writes down what came of each, and remembers which runs are stored now. */
function note(
  sent: readonly MappedRun[],
  each: readonly ItemDelivery[],
  outcomes: ItemDelivery[],
  parents: Parents,
): void {
  const ofRuns = new Map<string, ItemDelivery>();
  for (const [position, run] of sent.entries()) {
    const runId = run.events[0]?.runId ?? "";
    const outcome = each[position] ?? { status: "delivered" };
    if (run.index !== NO_INDEX) outcomes[run.index] = asItsRun(run, outcome, ofRuns.get(runId));
    if (run.events[0]?.event !== "start") continue;
    ofRuns.set(runId, outcome);
    if (outcome.status === "delivered") parents.delivered(runId);
  }
}

function bodyOf(runs: readonly MappedRun[]): Uint8Array {
  return jsonList(
    '{"events":[',
    runs.flatMap((run) => run.events.map((event) => storableJson(JSON.stringify(event)))),
    "]}",
  );
}

/** An empty request is checked like any other, and stores nothing. */
async function check(http: HttpSend, signal: AbortSignal): Promise<string | undefined> {
  const answer = await http.post('{"events":[]}', signal);
  if (answer.status !== "answered") return `Lunary cannot be used: ${answer.reason}`;
  const results = readResults(answer.body, [], http.redact);
  return typeof results === "string" ? `This is not Lunary: ${results}` : undefined;
}

function ingestUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === "/") url.pathname = INGEST_PATH;
  return url.href;
}
