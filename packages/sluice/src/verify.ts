import type { Disk } from "@sluice/sdk/internal";
import type { Balance } from "./pipeline.ts";

export interface Verification {
  /** Does every balance hold, and is every record readable? */
  readonly isGood: boolean;
  /** What is wrong, as sentences. */
  readonly problems: readonly string[];
  readonly records: number;
  readonly sinks: readonly { readonly name: string; readonly balance: Balance }[];
}

export interface VerifyOptions {
  readonly dataDir: string;
  readonly disk: Disk;
}

/** Proves from the disk alone that nothing is missing: reads a data directory, changes nothing, needs no daemon. */
export async function openVerification(options: VerifyOptions): Promise<Verification> {
  throw new Error(`The verification of ${options.dataDir} is not wired yet.`);
}
