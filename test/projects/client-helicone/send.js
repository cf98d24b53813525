import { readFileSync } from "node:fs";
import { HeliconeManualLogger } from "@helicone/helpers";

// Tells CONVERSATION to Helicone by its manual logger, with request and response as the provider's own objects,
// and what it knows of user, session and properties as the headers that its documentation names. An agent is
// no request, so it has no log.
const events = JSON.parse(readFileSync(process.env.CONVERSATION, "utf8"));
const logger = new HeliconeManualLogger({ apiKey: process.env.API_KEY, loggingEndpoint: process.env.URL });

for (const { kind, runId, time, scope, session, metadata, run } of events) {
  if (kind !== "run.ended" || run.type === "agent") continue;
  const startTime = Date.parse(run.startTime);
  await logger.sendLog(requestOf(run), responseOf(run), {
    startTime,
    endTime: Date.parse(time),
    ...(run.firstTokenTime && { timeToFirstToken: Date.parse(run.firstTokenTime) - startTime }),
    status: run.http?.status ?? 200,
    ...(run.provider && { provider: run.provider }),
    additionalHeaders: {
      "Helicone-Request-Id": runId,
      "Helicone-User-Id": scope.id,
      "Helicone-Session-Id": session.id,
      "Helicone-Property-Release": metadata.release,
      "Helicone-Property-Attempt": String(metadata.attempt),
      "Helicone-Property-Beta": String(metadata.beta),
    },
  });
}

function requestOf({ type, name, request: { model, input, params, stream } }) {
  if (type === "tool") return { _type: "tool", toolName: name, input };
  const options = { ...params, ...(stream && { stream }) };
  return type === "embedding" ? { model, input } : { model, messages: input, ...options };
}

function responseOf({ type, response, usage, error }) {
  if (error) return { error: { message: error.message, type: error.type, code: error.code } };
  if (type === "tool") return response.output;
  if (type === "embedding") return { object: "list", model: response.model, usage: usage.raw };
  const { id, model, output } = response;
  const [finish_reason] = response.finishReasons;
  const chunk = { id, object: "chat.completion.chunk", created: 1795237200, model };
  const delta = { ...output, tool_calls: output.tool_calls?.map((call, index) => ({ index, ...call })) };
  // Of a stream its users hand over the text.
  return [
    { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] },
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }] },
    { ...chunk, choices: [], usage: usage.raw },
  ]
    .map((each) => `data: ${JSON.stringify(each)}\n\n`)
    .concat("data: [DONE]\n\n")
    .join("");
}
