import type { Json, JsonObject } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
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

/** A text, or parts of which some are. What else there is (sound, files) has no published count. */
function addContent(tally: Tally, content: Json | undefined): void {
  tally.text(content);
  for (const value of listOf(content)) {
    const part = objectOf(value);
    const text = part?.text ?? part?.refusal ?? value;
    if (typeof text === "string") tally.text(text);
    else tally.guess();
  }
}
