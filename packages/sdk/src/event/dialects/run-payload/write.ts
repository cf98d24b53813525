import type { Event, Json, Origin, Usage } from "../../event.ts";
import { completionTokensOf, promptTokensOf } from "../../token-totals.ts";
import { isPayloadObject } from "../foreign.ts";
import { given } from "../given.ts";
import { CUSTOM_PREFIX, EMBED, EMBEDDING, RUN_PAYLOAD, type RunPayload } from "./names.ts";

/**
 * The event in this dialect, before `rest` is put over it. `keys` tell which of two names the parameters had.
 */
export function writeBack(event: Event, keys: readonly string[]): RunPayload {
  switch (event.kind) {
    case "run.started":
      return inOrder("start", event, event.time, keys);
    case "run.ended":
      return inOrder(event.run?.status === "error" ? "error" : "end", event, event.time, keys);
    case "run.scored":
      return feedbackOf(event);
    default: {
      const { run: _none, ...envelope } = event;
      const data = isPayloadObject(event.data) ? event.data : {};
      return { ...inOrder(event.kind.slice(CUSTOM_PREFIX.length), envelope, event.time, keys), ...data };
    }
  }
}

/** The start of a run, told by its start or by its complete end. */
export function startOf(event: Event): RunPayload {
  const { response: _response, usage: _usage, error: _error, ...run } = event.run ?? { type: "chain" };
  return inOrder("start", { ...event, run }, run.startTime ?? event.time, []);
}

/** The end of a run. What it was asked stands in its start; a piece says it again if it has it. */
export function endOf(event: Event): RunPayload {
  const { request, ...rest } = event.run ?? { type: "chain" };
  const isPiece = rest.startTime === undefined;
  const run = {
    ...rest,
    ...given("name", rest.name ?? request?.model),
    ...(isPiece && given("request", request)),
  };
  const { status, reason } = run;
  if (status === "ok" || status === "cancelled" || status === undefined) {
    const metadata =
      status === "cancelled" ? { ...event.metadata, status, ...given("reason", reason) } : event.metadata;
    return inOrder("end", { ...event, run, ...given("metadata", metadata) }, event.time, []);
  }
  // Lunary has no word for a run that never ended: an error with the reason says most.
  const error = run.error ?? { message: reason === undefined ? status : `${status}: ${reason}` };
  return inOrder("error", { ...event, run: { ...run, error } }, event.time, []);
}

/** A score. */
export function feedbackOf(event: Event): RunPayload {
  const { run: _none, ...envelope } = event;
  return { ...inOrder("feedback", envelope, event.time, []), ...given("feedback", event.data) };
}

/** Field by field in the order of the seed's payload, then what Lunary has besides. */
function inOrder(name: string, event: Event, timestamp: string, keys: readonly string[]): RunPayload {
  const { run, scope } = event;
  const paramsName = keys.includes("extra") && !keys.includes("params") ? "extra" : "params";
  return {
    ...given("type", run?.type === EMBEDDING ? EMBED : run?.type),
    event: name,
    ...given("runId", event.runId),
    ...given("parentRunId", event.parentRunId),
    ...given("name", run?.name ?? run?.request?.model),
    timestamp,
    ...given("input", run?.request?.input),
    ...given("output", run?.response?.output),
    ...(scope?.kind === "user" && { userId: scope.id }),
    ...given("tokensUsage", run?.usage && tokensOf(run.usage, event.origin)),
    ...(scope?.kind === "user" && given("userProps", scope.props)),
    ...given(paramsName, run?.request?.params),
    ...given("metadata", event.metadata),
    ...given("tags", event.tags),
    ...given("error", run?.error as Json | undefined),
  };
}

function tokensOf(usage: Usage, origin: Origin | undefined): Json | undefined {
  if (origin?.dialect === RUN_PAYLOAD && usage.raw !== undefined) return usage.raw;
  const completion = completionTokensOf(usage);
  const prompt = promptTokensOf(usage);
  if (completion === undefined && prompt === undefined) return undefined;
  return {
    ...given("completion", completion),
    ...given("prompt", prompt),
    ...given("promptCached", usage.cacheRead),
  };
}
