/** What Helicone's worker checks of a record, in its order and its words; undefined lets it in. */
export function recordFault(record: unknown): string | undefined {
  const { providerRequest, providerResponse, timing } = members(record);
  if (!providerRequest || !providerResponse || !timing) {
    return "One of the required fields is missing, providerRequest, providerResponse, or timing";
  }
  const request = members(providerRequest);
  if (typeof request.url !== "string") return "Invalid providerRequest: 'url' should be a string";
  if (typeof request.meta !== "object") return "Invalid providerRequest: 'meta' should be an object";
  if (request.json === undefined) return "Invalid providerRequest: 'json' is undefined";
  const response = members(providerResponse);
  if (response.json === undefined) return "Invalid providerResponse: 'json' is undefined";
  if (typeof response.status !== "number") return "Invalid providerResponse: 'status' should be a number";
  if (typeof response.headers !== "object") return "Invalid providerResponse: 'headers' should be an object";
  return timingFault(members(timing));
}

function timingFault(timing: Members): string | undefined {
  for (const name of ["startTime", "endTime"]) {
    for (const unit of ["seconds", "milliseconds"]) {
      if (typeof members(timing[name])[unit] !== "number") {
        return `Invalid timing: '${name}.${unit}' should be a number`;
      }
    }
  }
  const [start, end] = [momentMs(timing.startTime), momentMs(timing.endTime)];
  if (Number.isNaN(start) || Number.isNaN(end)) return "Invalid timing structure or value type";
  if (start > end) return "startTime cannot be greater than endTime";
  return start < 0 || end < 0 ? "startTime and endTime cannot be negative" : undefined;
}

/** `{seconds, milliseconds}`; a server of one's own also takes text: ISO, or an epoch in either unit. */
export function momentMs(moment: unknown): number {
  if (typeof moment !== "string") {
    const { seconds, milliseconds } = members(moment);
    return Number(seconds) * 1_000 + Number(milliseconds);
  }
  if (!/^\d+$/.test(moment)) return Date.parse(moment);
  const epoch = Number(moment);
  return epoch < EPOCH_SECONDS_MAX ? epoch * 1_000 : epoch;
}

/** What is more than the year 2100 in seconds is taken for milliseconds. */
const EPOCH_SECONDS_MAX = 4_102_444_800;

/** Versions 1 to 5 only: UUIDv7 is none to it, and is replaced by a random one without a word. */
export const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** What Helicone finds in a record. */
export interface HeliconeReading {
  readonly model: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  /** The answer as it is kept; what cannot be parsed is kept as that. */
  readonly response: unknown;
}

/**
 * Reads model and usage by the provider's rules. Where the request says `stream` the answer is read as
 * server-sent events, and a joined one has nothing in it then.
 */
export function readRecord(provider: string, request: unknown, response: unknown): HeliconeReading {
  const asked = members(request);
  const { textBody, json } = members(response);
  const streamed = members(json).streamed_data;
  const isStream = asked.stream === true;
  const text = typeof textBody === "string" && textBody !== "" ? textBody : JSON.stringify(json);
  const chunks = isStream ? (Array.isArray(streamed) ? streamed : eventsIn(text)) : undefined;
  const body = chunks === undefined ? parsed(text) : chunks.findLast((chunk) => members(chunk).usage);
  const answer = members(body);
  return {
    model: modelOf(asked, answer),
    ...usageOf(provider, answer),
    response:
      body === undefined ? { helicone_error: "error parsing response", body: text } : (chunks ?? body),
  };
}

function modelOf(request: Members, response: Members): string {
  if (response._type === "vector_db" || request._type === "vector_db") return "vector_db";
  if (response._type === "tool" || request._type === "tool") {
    return `tool:${response.toolName ?? request.toolName}`;
  }
  if (request._type === "data") return `data:${request.name}`;
  const model = response.model ?? request.model;
  if (typeof model === "string") return model;
  return "metadata" in request || "assistant_id" in request ? "assistant-call" : "";
}

function usageOf(provider: string, answer: Members): Omit<HeliconeReading, "model" | "response"> {
  const usage = members(answer.usage);
  if (provider === "ANTHROPIC") {
    // Both must be more than nothing, or neither is believed.
    if (!usage.input_tokens || !usage.output_tokens) return {};
    return counts({
      promptTokens: usage.input_tokens,
      completionTokens: usage.output_tokens,
      cacheReadTokens: usage.cache_read_input_tokens,
      cacheWriteTokens: usage.cache_creation_input_tokens,
    });
  }
  if (provider === "GOOGLE") {
    const metadata = members(answer.usageMetadata);
    const completion = Number(metadata.thoughtsTokenCount ?? 0) + Number(metadata.candidatesTokenCount ?? 0);
    return counts({ promptTokens: metadata.promptTokenCount, completionTokens: completion });
  }
  return counts({
    promptTokens: usage.prompt_tokens ?? usage.input_tokens ?? answer.prompt_token_count,
    completionTokens: usage.completion_tokens ?? usage.output_tokens ?? answer.generation_token_count,
    cacheReadTokens: members(usage.prompt_tokens_details ?? usage.input_tokens_details).cached_tokens,
  });
}

function counts(found: Members): Omit<HeliconeReading, "model" | "response"> {
  return Object.fromEntries(Object.entries(found).filter(([, count]) => typeof count === "number"));
}

function eventsIn(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => parsed(line.slice("data:".length)));
}

type Members = Readonly<Record<string, unknown>>;

/** The members of what may be no object at all. */
export function members(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // It says so in what it keeps.
  }
}
