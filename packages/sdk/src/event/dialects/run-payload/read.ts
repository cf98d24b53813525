import { numberOf } from "../../codec.ts";
import type { Event, Json, Run, Usage } from "../../event.ts";
import { isPayloadObject } from "../foreign.ts";
import { toRunError } from "../foreign-error.ts";
import { given, givenObject } from "../given.ts";
import { CUSTOM_PREFIX, EMBED, EMBEDDING, RUN_PAYLOAD, type RunPayload } from "./names.ts";

/** What a custom kind has in its envelope; everything else is its data. */
const ENVELOPE = new Set([
  "event",
  "runId",
  "parentRunId",
  "timestamp",
  "userId",
  "userProps",
  "metadata",
  "tags",
]);

/** The canonical event of a payload whose form was checked. Its origin says the dialect and no more. */
export function readPayload(payload: RunPayload, id: string, time: string): Event {
  const envelope = { id, kind: kindOf(payload), time, runId: String(payload.runId), ...envelopeOf(payload) };
  switch (envelope.kind) {
    case "run.started":
      return { ...envelope, run: { ...runOf(payload), startTime: time } };
    case "run.ended":
      return { ...envelope, run: { ...runOf(payload), status: payload.event === "error" ? "error" : "ok" } };
    case "run.scored":
      return { ...envelope, ...given("data", payload.feedback) };
    default: {
      const data = Object.entries(payload).filter(([key]) => !ENVELOPE.has(key));
      return { ...envelope, data: Object.fromEntries(data) };
    }
  }
}

function kindOf(payload: RunPayload): string {
  // A log line has no run of its own, whatever its level is called.
  const name = payload.type === "log" ? undefined : payload.event;
  switch (name) {
    case "start":
      return "run.started";
    case "end":
    case "error":
      return "run.ended";
    case "feedback":
      return "run.scored";
    default:
      return CUSTOM_PREFIX + payload.event;
  }
}

function envelopeOf(
  payload: RunPayload,
): Pick<Event, "scope" | "parentRunId" | "tags" | "metadata" | "origin"> {
  const { userId, userProps, tags } = payload;
  const hasUser = typeof userId === "string" && userId !== "";
  return {
    ...(hasUser && { scope: { kind: "user", id: userId, ...givenObject("props", userProps) } }),
    ...text("parentRunId", payload.parentRunId),
    ...given("tags", tagsOf(tags)),
    ...givenObject("metadata", payload.metadata),
    origin: { dialect: RUN_PAYLOAD },
  };
}

function tagsOf(tags: Json | undefined): readonly string[] | undefined {
  if (typeof tags === "string") return [tags];
  // The very same list, if it is one, so that it need not be kept twice; its form was checked.
  return Array.isArray(tags) ? (tags as readonly string[]) : undefined;
}

function runOf(payload: RunPayload): Run {
  const { type, name, input, output, tokensUsage } = payload;
  const request = {
    ...(type === "llm" && text("model", name)),
    ...given("input", input),
    ...givenObject("params", payload.params ?? payload.extra),
  };
  const usage = usageOf(tokensUsage);
  return {
    type: type === EMBED ? EMBEDDING : String(type),
    ...text("name", name),
    ...(Object.keys(request).length > 0 && { request }),
    ...(output !== undefined && { response: { output } }),
    ...(usage && { usage }),
    ...(payload.event === "error" && given("error", toRunError(payload.error))),
    // Only Lunary knows what they are. Here they outlive the joining of start and end, which origin does not.
    ...given("templateId", payload.templateId ?? undefined),
    ...given("templateVersionId", payload.templateVersionId ?? undefined),
    ...given("runtime", payload.runtime ?? undefined),
  };
}

function usageOf(tokens: Json | undefined): Usage | undefined {
  if (!isPayloadObject(tokens)) return undefined;
  const prompt = numberOf(tokens.prompt);
  const completion = numberOf(tokens.completion);
  const cached = numberOf(tokens.promptCached);
  if (prompt === undefined && completion === undefined) return undefined;
  return {
    ...(prompt !== undefined && { input: Math.max(0, prompt - (cached ?? 0)) }),
    ...given("cacheRead", cached),
    ...given("output", completion),
    source: tokens.estimated === true ? "estimated" : "provider",
    raw: tokens,
  };
}

function text<Name extends string>(name: Name, value: Json | undefined): { readonly [Key in Name]?: string } {
  return given(name, typeof value === "string" ? value : undefined);
}
