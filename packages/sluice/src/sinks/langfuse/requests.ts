import type { ItemDelivery } from "../delivery.ts";
import { storableJson } from "../storable.ts";
import type { Envelope } from "./items.ts";

/** What one event of the batch became, with its place there. */
export interface Mapped {
  readonly index: number;
  readonly items: readonly Envelope[];
}

/** One request: whole events, and the body with all of their items. */
export interface Request {
  readonly events: readonly Mapped[];
  readonly items: readonly Envelope[];
  readonly body: Uint8Array;
}

/** The fifth seed's batch. */
export const ITEMS_MAX = 32;
/** What Langfuse's own SDK allows a request; the server ends at 4.5 MB, a proxy before it often earlier. */
const BODY_BYTES_MAX = 2_500_000;
/** The same for an item: 1 MiB. The server itself has no such limit, so a larger one goes alone. */
const ITEM_BYTES_MAX = 1_048_576;

const HEAD = Buffer.from('{"batch":[');
const COMMA = Buffer.from(",");
const TAIL = Buffer.from("]}");

/**
 * Cuts events into requests of at most 32 items and 2.5 MB, in their order, and never in the middle of one.
 * A text instead: one of several events has an item that has to go alone.
 */
export function requestsOf(events: readonly Mapped[]): readonly Request[] | string {
  const requests: Request[] = [];
  let open: Open = emptyRequest();
  for (const event of events) {
    const parts = event.items.map(bytesOf);
    const largest = Math.max(0, ...parts.map((part) => part.length));
    if (largest > ITEM_BYTES_MAX && events.length > 1)
      return `an item of ${largest} bytes: with others, Langfuse's SDKs end at ${ITEM_BYTES_MAX}`;
    const sizeBytes = parts.reduce((sum, part) => sum + part.length + 1, 0);
    const isFull =
      open.parts.length + parts.length > ITEMS_MAX || open.sizeBytes + sizeBytes > BODY_BYTES_MAX;
    if (isFull && open.events.length > 0) {
      requests.push(closed(open));
      open = emptyRequest();
    }
    open.events.push(event);
    open.parts.push(...parts);
    open.sizeBytes += sizeBytes;
  }
  if (open.events.length > 0) requests.push(closed(open));
  return requests;
}

interface Open {
  readonly events: Mapped[];
  readonly parts: Buffer[];
  sizeBytes: number;
}

function emptyRequest(): Open {
  return { events: [], parts: [], sizeBytes: HEAD.length + TAIL.length };
}

function closed({ events, parts }: Open): Request {
  const body = Buffer.concat([
    HEAD,
    ...parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part])),
    TAIL,
  ]);
  return { events, items: events.flatMap(({ items }) => items), body };
}

/** Postgres, in which Langfuse v2 keeps everything, holds neither. */
function bytesOf(item: Envelope): Buffer {
  return Buffer.from(storableJson(JSON.stringify(item)));
}

/** What becomes of an event with several items. One refusal for good outweighs any number of passing ones. */
export function worstOf(each: readonly ItemDelivery[]): ItemDelivery {
  return (
    each.find(({ status }) => status === "rejected") ??
    each.find(({ status }) => status === "retry") ?? { status: "delivered" }
  );
}
