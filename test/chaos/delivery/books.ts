import { systemDisk } from "@sluice/sdk/internal";
import { expect } from "vitest";
import { openVerification, type Verification } from "../../../packages/sluice/src/verify.ts";

/** What `sluice verify` does, without a process of its own: that would take most of a short test. */
export async function proveBooks(dataDir: string): Promise<Verification["sinks"]> {
  const { problems, sinks } = await openVerification({ dataDir, disk: systemDisk });
  expect(problems).toEqual([]);
  return sinks;
}
