/** About what V8 spends on an event with a few members, without its text. */
const ITEM_BYTES = 128;

/**
 * What an event counts against a stream's size: 128, and the length of the text in its `data`: `text`,
 * `thinking`, or else every string that lies directly in it. An estimate that costs a nanosecond where it is
 * taken for each token; what lies deeper is not looked at. Never throws.
 */
export function sizeOf(item: Weighable): number {
  try {
    const { data } = item;
    if (typeof data !== "object" || data === null) return ITEM_BYTES;
    const text = data.text ?? data.thinking;
    return ITEM_BYTES + (typeof text === "string" ? text.length : textLengthOf(data));
  } catch {
    // A getter or a proxy of the sender's: its event is carried, and its size is a guess either way.
    return ITEM_BYTES;
  }
}

/** Any object: what is not there is undefined. */
interface Weighable {
  readonly data?: { readonly text?: unknown; readonly thinking?: unknown } | null;
}

function textLengthOf(data: object): number {
  return Object.values(data).reduce((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0);
}
