import { type Disk, ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { FLAG_ASSEMBLED, type NewRecord } from "../../spool/spool.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { PLACE } from "../route.test-support.ts";
import { type Assembler, openAssembler } from "./assembler.ts";
import { lettersOn } from "./letters.test-support.ts";
import type { Binding } from "./parking.ts";

interface StageOptions {
  readonly spool?: MemorySpool;
  readonly clock?: ManualClock;
  readonly disk?: Disk;
  readonly bootId?: string;
  readonly binding?: Binding | undefined;
}

/** An assembler over a memory spool, under a manual clock. */
export async function openStage({
  spool = new MemorySpool(),
  clock = new ManualClock(),
  disk = new MemoryDisk(),
  bootId = "dir.boot",
  binding,
}: StageOptions = {}) {
  const openIt = () =>
    openAssembler({
      ...{ spool, clock, bootId, place: PLACE, firstOffset: 0 },
      ...(binding && { binding }),
      openDeadLetters: lettersOn(disk),
      observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    });
  const stage = {
    spool,
    clock,
    assembler: undefined as unknown as Assembler,
    append: async (...records: NewRecord[]) => {
      const outcomes = await spool.append(records);
      await clock.advance(0);
      return outcomes;
    },
    /** What the assembler appended. */
    made: () => [...spool.records.values()].filter(({ flags }) => (flags & FLAG_ASSEMBLED) !== 0),
    /** The process dies and comes back. */
    reopen: async () => {
      spool.crash();
      await clock.advance(0);
      stage.assembler = await openIt();
      await clock.advance(0);
    },
  };
  stage.assembler = await openIt();
  await clock.advance(0);
  return stage;
}
