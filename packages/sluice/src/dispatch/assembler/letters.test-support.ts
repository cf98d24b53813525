import { type Disk, MemoryDisk, systemClock } from "@sluice/sdk/internal";
import { type DeadLetters, openDeadLetters } from "../dead-letters/dead-letters.ts";
import { PLACE } from "../route.test-support.ts";

export const LETTERS = "/deadletters";
export const NAME = "assembler";

/** Dead letters of the assembler, on a disk that others may look at, or nobody. */
export function lettersOn(disk: Disk = new MemoryDisk()): (low: number) => Promise<DeadLetters> {
  const options = { disk, clock: systemClock, directory: LETTERS, sink: NAME, place: PLACE };
  return (low) => openDeadLetters({ ...options, low });
}
