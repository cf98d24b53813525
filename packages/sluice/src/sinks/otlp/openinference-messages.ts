import type { Json } from "@sluice/sdk";
import type { Message } from "./messages.ts";
import type { Part } from "./parts.ts";
import type { WritableAttributes } from "./profile.ts";

/** Messages as OpenInference spreads them: `llm.input_messages.0.message.role`, and so on. */
export function putMessages(
  attributes: WritableAttributes,
  name: "llm.input_messages" | "llm.output_messages",
  messages: readonly Message[],
): void {
  for (const [index, message] of messages.entries()) {
    const place = `${name}.${index}.message`;
    attributes[`${place}.role`] = message.role;
    if (message.name !== undefined) attributes[`${place}.name`] = message.name;
    const calls = message.parts.filter(({ type }) => type === "tool_call");
    for (const [at, call] of calls.entries())
      putCall(attributes, `${place}.tool_calls.${at}.tool_call`, call);
    const answer = message.parts.find(({ type }) => type === "tool_call_response");
    if (typeof answer?.id === "string") attributes[`${place}.tool_call_id`] = answer.id;
    putContents(attributes, place, message.parts);
  }
}

function putCall(attributes: WritableAttributes, place: string, { id, name, arguments: given }: Part): void {
  if (typeof id === "string") attributes[`${place}.id`] = id;
  attributes[`${place}.function.name`] = textOf(name);
  attributes[`${place}.function.arguments`] = textOf(given);
}

/** One text is the message's content; several, or anything beside texts, are a list of contents. */
function putContents(attributes: WritableAttributes, place: string, parts: readonly Part[]): void {
  const said = parts.filter(({ type }) => type !== "tool_call");
  const [only] = said;
  if (said.length === 1 && only && (only.type === "text" || only.type === "tool_call_response")) {
    attributes[`${place}.content`] = textOf(only.content ?? only.response);
    return;
  }
  for (const [index, part] of said.entries()) {
    putContentOf(attributes, `${place}.contents.${index}.message_content`, part);
  }
}

function putContentOf(attributes: WritableAttributes, place: string, part: Part): void {
  const isPicture = part.modality === "image" && (part.type === "uri" || part.type === "blob");
  if (isPicture) {
    attributes[`${place}.type`] = "image";
    attributes[`${place}.image.image.url`] = urlOf(part);
    return;
  }
  attributes[`${place}.type`] = part.type === "reasoning" ? "reasoning" : "text";
  attributes[`${place}.text`] = textOf(part.content ?? part.response ?? part);
}

function urlOf(part: Part): string {
  if (part.type === "uri") return textOf(part.uri);
  return `data:${textOf(part.mime_type ?? "image/png")};base64,${textOf(part.content)}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
