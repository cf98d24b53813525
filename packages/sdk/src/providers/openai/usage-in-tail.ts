import type { Usage } from "../../event/event.ts";
import { endOfValue } from "../json-members.ts";
import { usageOf } from "../usage/usage.ts";
import { parseObject } from "./wire.ts";

/** The usage in the last part of an answer that was too long to keep. */
export function usageInTail(tail: string): Usage | undefined {
  const at = tail.lastIndexOf('"usage"');
  if (at < 0) return undefined;
  const open = tail.indexOf("{", at);
  if (open < 0 || !/^\s*:\s*$/.test(tail.slice(at + '"usage"'.length, open))) return undefined;
  const end = endOfValue(tail, open);
  return end < 0 ? undefined : usageOf(parseObject(tail.slice(open, end)));
}
