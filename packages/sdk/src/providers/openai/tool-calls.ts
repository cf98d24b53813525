import type { Json, JsonObject, ToolCall } from "../../event/event.ts";
import { listOf, objectOf, textOf } from "./wire.ts";

/**
 * The tool calls of a chat message: `tool_calls` (functions and custom tools) and the older `function_call`.
 */
export function toolCallsOfMessage(message: JsonObject): readonly ToolCall[] {
  const calls: ToolCall[] = [];
  for (const value of listOf(message.tool_calls)) {
    const call = objectOf(value);
    if (call === undefined) continue;
    const custom = objectOf(call.custom);
    const asked = objectOf(call.function) ?? custom ?? {};
    calls.push(toolCall(textOf(call.id), textOf(asked.name), asked.arguments ?? asked.input));
  }
  const legacy = objectOf(message.function_call);
  if (legacy !== undefined) calls.push(toolCall(undefined, textOf(legacy.name), legacy.arguments));
  return calls;
}

/**
 * The tool calls among the items of a response: every `…_call`, whether the application runs it (functions,
 * custom tools, shells, patches) or the provider does (search, interpreter, MCP). A built-in tool goes by its
 * type.
 */
export function toolCallsOfItems(items: readonly Json[]): readonly ToolCall[] {
  const calls: ToolCall[] = [];
  for (const value of items) {
    const item = objectOf(value);
    const type = textOf(item?.type);
    if (item === undefined || type === undefined || !type.endsWith("_call")) continue;
    const name = textOf(item.name) ?? type.slice(0, -"_call".length);
    const asked = ["arguments", "input", "action", "operation", "code", "queries"].find((key) => key in item);
    calls.push(toolCall(textOf(item.call_id) ?? textOf(item.id), name, asked && item[asked]));
  }
  return calls;
}

function toolCall(id: string | undefined, name: string | undefined, asked: Json | undefined): ToolCall {
  return {
    ...(id !== undefined && { id }),
    name: name ?? "unknown",
    ...(asked !== undefined && { arguments: asked }),
  };
}
