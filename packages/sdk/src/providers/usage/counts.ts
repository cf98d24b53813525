import { numberOf } from "../../event/codec.ts";
import type { JsonObject } from "../../event/event.ts";
import { USAGE_MAX } from "../../event/limits.ts";
import { listOf, objectOf } from "../openai/wire.ts";

/**
 * Why the buckets may not be what the provider meant; its own object is kept beside them.
 *
 * `malformed`: what should be a count is none, and is read as not said. `details`: two of its counts
 * contradict each other. `total`: the buckets do not add up to its total. `iterations`: it made several
 * calls, and the usage is not that of all of them. `billed`: it bills for other counts than it read.
 */
export type UsageFlag = "malformed" | "details" | "total" | "iterations" | "billed";

/** Looks for counts in an object that somebody else wrote, and remembers what is wrong with them. */
export class Counts {
  /** Shared with all objects below this one. */
  readonly flags: Set<UsageFlag>;
  readonly #raw: JsonObject;

  constructor(raw: JsonObject, flags: Set<UsageFlag> = new Set()) {
    this.#raw = raw;
    this.flags = flags;
  }

  /** The count that stands under any of these names; undefined: not said. The first wins, if they differ. */
  of(...names: readonly string[]): number | undefined {
    return this.agreed(...names.map((name) => this.#count(name)));
  }

  /** The object that stands under the first of these names that has one; else an empty one. */
  under(...names: readonly string[]): Counts {
    for (const name of names) {
      const value = this.#raw[name] ?? undefined;
      const object = objectOf(value);
      if (object !== undefined) return new Counts(object, this.flags);
      if (value !== undefined) this.flags.add("malformed");
    }
    return new Counts({}, this.flags);
  }

  /** Every object in the list that stands under this name. */
  list(name: string): readonly Counts[] {
    return listOf(this.#raw[name]).flatMap((value) => {
      const object = objectOf(value);
      return object === undefined ? [] : [new Counts(object, this.flags)];
    });
  }

  /** The members whose names fit, as they are. */
  pick(names: RegExp): JsonObject {
    return Object.fromEntries(Object.entries(this.#raw).filter(([name]) => names.test(name)));
  }

  text(name: string): string | undefined {
    const value = this.#raw[name];
    return typeof value === "string" ? value : undefined;
  }

  /** What has been said several times should be said alike. */
  agreed(...counts: readonly (number | undefined)[]): number | undefined {
    const said = counts.filter((count) => count !== undefined);
    if (said.some((count) => count !== said[0])) this.flags.add("details");
    return said[0];
  }

  /** What is left of a whole. Parts that are more than it leave 0, never less. */
  rest(whole: number | undefined, ...parts: readonly (number | undefined)[]): number | undefined {
    if (whole === undefined) return undefined;
    let left = whole;
    for (const part of parts) left -= part ?? 0;
    if (left < 0) this.flags.add("details");
    return Math.max(0, left);
  }

  /** Is this a count that an event may carry (E11)? What is there and is none is malformed. */
  isCount(value: unknown): value is number {
    if (value === undefined) return false;
    const isCount = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= USAGE_MAX;
    if (!isCount) this.flags.add("malformed");
    return isCount;
  }

  #count(name: string): number | undefined {
    const value = this.#raw[name] ?? undefined;
    const count = numberOf(value) ?? value;
    return this.isCount(count) ? count : undefined;
  }
}
