import type { JsonObject, Usage } from "../../event/event.ts";

/** What a usage object of one shape says. */
export interface UsageReading {
  readonly buckets: Buckets;
  /** The provider's own sum of all buckets, where it gives one. */
  readonly total?: number | undefined;
  /** What is kept as the provider's own object, where that is less than what was given. */
  readonly raw?: JsonObject;
}

export type Buckets = { readonly [bucket in Bucket]?: number | undefined };

type Bucket = Exclude<keyof Usage, "source" | "raw" | "flags">;
