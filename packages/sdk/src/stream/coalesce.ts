import type { Ring } from "./ring.ts";

/** What a joined event has besides: the seqs of the first and the last event in it. */
export interface Joined {
  readonly fromSeq: number;
  readonly seq: number;
}

/** A piece of text: its `data` has it under `text` or `thinking`. */
interface Delta {
  readonly key: "text" | "thinking";
  readonly text: string;
  readonly item: object;
  readonly data: object;
}

/**
 * The event with seq `from` and those after it that continue it, as one: the seq of the last, and the event
 * itself if nothing continues it. An event continues another if both are pieces of text that differ in the
 * text and the time stamp only: so `type` and `data.index` are the same, and whatever else there is, too.
 * The joined event has the first one's time stamp.
 */
export function joinDeltas<Item>(
  ring: Ring<Item>,
  from: number,
): { readonly item: Item; readonly seq: number } {
  const item = ring.at(from);
  const first = deltaOf(item);
  if (first === undefined) return { item, seq: from };
  const texts = [first.text];
  let seq = from;
  for (; seq < ring.last; seq++) {
    const next = deltaOf(ring.at(seq + 1));
    if (next === undefined || !continues(first, next)) break;
    texts.push(next.text);
  }
  if (seq === from) return { item, seq };
  const joined: Joined = { fromSeq: from, seq };
  return { item: { ...item, data: { ...first.data, [first.key]: texts.join("") }, ...joined }, seq };
}

function deltaOf(item: unknown): Delta | undefined {
  if (!isObject(item) || !("data" in item) || !isObject(item.data)) return undefined;
  const { data } = item;
  if ("text" in data && typeof data.text === "string") return { key: "text", text: data.text, item, data };
  if (!("thinking" in data) || typeof data.thinking !== "string") return undefined;
  return { key: "thinking", text: data.thinking, item, data };
}

function continues(first: Delta, next: Delta): boolean {
  return (
    first.key === next.key &&
    isSameBut([first.key], first.data, next.data) &&
    isSameBut(["data", "timestamp"], first.item, next.item)
  );
}

function isSameBut(except: readonly string[], one: object, other: object): boolean {
  const names = Object.keys(one);
  const isSame = (name: string) =>
    except.includes(name) || Reflect.get(one, name) === Reflect.get(other, name);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(name))
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
