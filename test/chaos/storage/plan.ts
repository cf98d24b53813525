import { crc32 } from "node:zlib";
import { type Random, seededRandom } from "@sluice/sdk/internal";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";

/**
 * What the scripted workload does, worked out beforehand from a seed: the same seed gives the same
 * operations, so that the n-th call to the system is about the same one in every run.
 */
export type Operation =
  | { readonly kind: "append"; readonly records: readonly PlannedRecord[] }
  | { readonly kind: "commit"; readonly route: string; readonly isDurable: boolean; readonly bytes: number }
  /** Reads from somewhere; `part` is a share of what there is then. */
  | { readonly kind: "read"; readonly part: number }
  /** Trims all but the newest `keep` records. */
  | { readonly kind: "trim"; readonly keep: number }
  /** Nobody appends for a moment, and zeros are written ahead. */
  | { readonly kind: "idle" };

/** A record's bytes follow from its id and its size: another size under the same id is a conflict. */
export interface PlannedRecord {
  readonly id: string;
  readonly bytes: number;
}

export const ROUTES = ["file", "a route/with: marks"] as const;
const PRODUCERS = 4;

/**
 * The operations of each producer, in its order. All producers work at the same time. The ids of two seeds
 * have nothing in common.
 */
export function planOf(seed: number, operations: number): readonly (readonly Operation[])[] {
  const random = seededRandom(seed);
  const plans: Operation[][] = Array.from({ length: PRODUCERS }, () => []);
  const told: PlannedRecord[][] = plans.map(() => []);
  for (let index = 0; index < operations; index++) {
    const producer = index % PRODUCERS;
    plans[producer]?.push(operationOf(`${seed.toString(36)}-${index}`, random, told[producer] ?? []));
  }
  return plans;
}

function operationOf(name: string, random: Random, told: PlannedRecord[]): Operation {
  const kind = random.fraction();
  if (kind < 0.66) return { kind: "append", records: recordsOf(name, random, told) };
  if (kind < 0.84) {
    const route = ROUTES[wholeBelow(random, ROUTES.length)] ?? ROUTES[0];
    return { kind: "commit", route, isDurable: random.fraction() < 0.5, bytes: sizeOf(random, 9_000) };
  }
  if (kind < 0.92) return { kind: "read", part: random.fraction() };
  if (kind < 0.96) return { kind: "trim", keep: 10 + wholeBelow(random, 40) };
  return { kind: "idle" };
}

/** Mostly new ones, sometimes one that this producer has appended before: as it was, or with other bytes. */
function recordsOf(name: string, random: Random, told: PlannedRecord[]): readonly PlannedRecord[] {
  const count = random.fraction() < 0.7 ? 1 : 2 + wholeBelow(random, 3);
  return Array.from({ length: count }, (_, index) => {
    const earlier = told[wholeBelow(random, told.length)];
    if (earlier && random.fraction() < 0.1) return earlier;
    if (earlier && random.fraction() < 0.1) return { ...earlier, bytes: earlier.bytes + 1 };
    const record = { id: `event-${name}-${index}`, bytes: sizeOf(random, 20 * 1024) };
    told.push(record);
    return record;
  });
}

/** From one byte to `max`, small ones far more often. */
function sizeOf(random: Random, max: number): number {
  return Math.max(1, Math.floor(max * random.fraction() ** 4));
}

function wholeBelow(random: Random, limit: number): number {
  return Math.floor(random.fraction() * limit);
}

/** The id, where there is room for it, and then bytes that follow from it. */
export function bytesOf({ id, bytes }: PlannedRecord): Buffer {
  const body = Buffer.alloc(bytes);
  let state = crc32(id) || 1;
  for (let index = 0; index < bytes; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body[index] = state >>> 24;
  }
  body.write(`${id}|`, 0, "latin1");
  return body;
}

/** A ledger carries its number in front of its bytes. */
export function ledgerOf(route: string, number: number, bytes: number): Buffer {
  const ledger = Buffer.alloc(4 + bytes);
  ledger.writeUInt32LE(number);
  ledger.set(bytesOf({ id: `${route} ${number}`, bytes }), 4);
  return ledger;
}

/** 0 for none. */
export function numberOf(ledger: Uint8Array | undefined): number {
  return ledger ? Buffer.from(ledger).readUInt32LE() : 0;
}

export function recordOf(planned: PlannedRecord): NewRecord {
  const body = bytesOf(planned);
  return { id: planned.id, kindCode: 0, flags: 0, received: new Received(body), body };
}
