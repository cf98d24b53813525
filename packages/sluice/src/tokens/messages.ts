import type { Json, JsonObject } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
import { imageSizeOf } from "./image-size.ts";
import { imageTokens } from "./image-tokens.ts";
import type { Tally } from "./tally.ts";

/** Where a call stands in a message, beside its name and arguments: as recorded usages have it. */
const CALL_TOKENS = 7;
const LEGACY_CALL_TOKENS = 3;

/** What a message says: its text, its refusal, its calls. Also an item of the responses format. */
export function addMessage(tally: Tally, message: JsonObject): void {
  addContent(tally, message.content);
  tally.text(message.refusal);
  for (const call of listOf(message.tool_calls)) {
    const { function: asked, custom } = objectOf(call) ?? {};
    addCall(tally, objectOf(asked ?? custom));
  }
  const legacy = objectOf(message.function_call);
  if (legacy !== undefined) addCall(tally, legacy, LEGACY_CALL_TOKENS);
  if (isCall(message)) addCall(tally, message);
  else if (message.output !== undefined) addContent(tally, message.output);
  else if (message.type !== undefined && message.type !== "message") tally.guess();
}

function isCall({ type }: JsonObject): boolean {
  return type === "function_call" || type === "custom_tool_call";
}

function addCall(tally: Tally, call: JsonObject | undefined, around = CALL_TOKENS): void {
  tally.text(call?.name);
  tally.text(call?.arguments ?? call?.input);
  tally.guess(around);
}

/**
 * A text, or parts: texts, pictures, and what has no published count (sound, files). Anthropic has thoughts,
 * calls and their results as parts, too.
 */
function addContent(tally: Tally, content: Json | undefined): void {
  tally.text(content);
  for (const value of listOf(content)) {
    const part = objectOf(value);
    const text = part?.text ?? part?.refusal ?? part?.thinking ?? value;
    const picture = part?.image_url;
    if (typeof text === "string") tally.text(text);
    else if (part?.type === "tool_use") {
      addCall(tally, { name: part.name, arguments: JSON.stringify(part.input) });
    } else if (part?.type === "tool_result") {
      addContent(tally, part.content);
      tally.guess();
    } else if (part === undefined || picture === undefined) tally.guess();
    else tally.guess(pictureTokens(tally.model, part, picture));
  }
}

/** A chat has the address and the detail in an object, a response has them in the part. */
function pictureTokens(model: string, part: JsonObject, picture: Json): number {
  const { url, detail } = objectOf(picture) ?? { url: picture, detail: part.detail };
  return imageTokens(model, imageSizeOf(url), detail);
}
