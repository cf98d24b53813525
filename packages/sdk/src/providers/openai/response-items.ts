import type { Json, JsonObject } from "../../event/event.ts";
import { indexOf, listOf, objectOf, textOf } from "./wire.ts";

type Item = Record<string, Json | undefined>;

/** Where a delta's text goes: a member of the item, or of its part in a list of parts. */
const DELTAS: Readonly<
  Record<
    string,
    {
      readonly member: string;
      readonly parts?: string;
      readonly partIndex?: string;
      readonly partType?: string;
    }
  >
> = {
  "response.output_text.delta": {
    member: "text",
    parts: "content",
    partIndex: "content_index",
    partType: "output_text",
  },
  "response.refusal.delta": {
    member: "refusal",
    parts: "content",
    partIndex: "content_index",
    partType: "refusal",
  },
  "response.reasoning_text.delta": {
    member: "text",
    parts: "content",
    partIndex: "content_index",
    partType: "reasoning_text",
  },
  "response.reasoning_summary_text.delta": {
    member: "text",
    parts: "summary",
    partIndex: "summary_index",
    partType: "summary_text",
  },
  "response.function_call_arguments.delta": { member: "arguments" },
  "response.mcp_call_arguments.delta": { member: "arguments" },
  "response.custom_tool_call_input.delta": { member: "input" },
  "response.code_interpreter_call_code.delta": { member: "code" },
};

/** Items of one response. More than any response has; an index beyond it is a provider gone wrong. */
const ITEMS_MAX = 10_000;

/**
 * The output items of a response that was cut off, from the events that came: finished items whole, others as
 * far as they got.
 */
export function assembleItems(events: readonly JsonObject[]): readonly Json[] {
  const items: Item[] = [];
  for (const event of events) {
    const index = indexOf(event.output_index);
    if (index >= ITEMS_MAX) continue;
    const whole = objectOf(event.item);
    const item: Item = whole === undefined ? (items[index] ?? {}) : { ...whole };
    items[index] = item;
    if (whole === undefined) addDelta(item, event);
  }
  return items.filter((item) => item !== undefined);
}

function addDelta(item: Item, event: JsonObject): void {
  const place = DELTAS[textOf(event.type) ?? ""];
  const text = textOf(event.delta);
  if (place === undefined || text === undefined) return;
  if (place.parts === undefined || place.partIndex === undefined) {
    item[place.member] = (textOf(item[place.member]) ?? "") + text;
    return;
  }
  const index = indexOf(event[place.partIndex]);
  if (index >= ITEMS_MAX) return;
  const parts = [...listOf(item[place.parts])];
  while (parts.length <= index) parts.push({ type: place.partType });
  const part = objectOf(parts[index]) ?? {};
  parts[index] = { ...part, [place.member]: (textOf(part[place.member]) ?? "") + text };
  item[place.parts] = parts;
}
