import type { Disk } from "@sluice/sdk/internal";
import { type Assembler, openAssembler } from "./dispatch/assembler/assembler.ts";
import { ASSEMBLER_NAME } from "./dispatch/assembler/assembler-life.ts";
import { createBootId } from "./dispatch/assembler/boot.ts";
import { createLogSink } from "./dispatch/assembler/log-sink.ts";
import type { DeadLetterRoom } from "./dispatch/dead-letters/dead-letter-room.ts";
import { type DeadLetters, deadLetterPath, openDeadLetters } from "./dispatch/dead-letters/dead-letters.ts";
import { LetterDesk } from "./dispatch/dead-letters/letter-desk.ts";
import type { Routes } from "./dispatch/route-registry.ts";
import type { PipelineOptions } from "./pipeline-options.ts";
import { lettersOf } from "./seat.ts";
import type { Spool } from "./spool/spool.ts";

/** The assembler in this process, and what a person decides about with it. */
export interface AssemblerSeat {
  readonly assembler: Assembler;
  readonly bootId: string;
  readonly desk: LetterDesk;
}

export interface AssemblerGround {
  readonly options: PipelineOptions;
  readonly disk: Disk;
  readonly spool: Spool;
  readonly places: Routes;
  readonly letterRoom: DeadLetterRoom;
}

/** Its destination is the spool itself, and never changes. */
const ROUTE = { name: ASSEMBLER_NAME, type: ASSEMBLER_NAME, destination: "spool" };
/** What is put back into the log at a time. */
const LIMITS = { events: 100, bytes: 4 * 1024 * 1024 };

export async function openAssemblerSeat(ground: AssemblerGround): Promise<AssemblerSeat> {
  const { options, disk, spool, places, letterRoom: room } = ground;
  const { clock, observer, random, binding } = options;
  const entry = await places.register(ROUTE);
  const bootId = createBootId(places.dataDirId, random);
  const directory = lettersOf(options);
  const opened = Promise.withResolvers<DeadLetters>();
  const assembler = await openAssembler({
    ...entry,
    spool,
    bootId,
    observer,
    clock,
    ...(binding && { binding }),
    async openDeadLetters(low) {
      const { place } = entry;
      const letters = await openDeadLetters({
        disk,
        clock,
        directory,
        sink: ASSEMBLER_NAME,
        place,
        low,
        room,
      });
      opened.resolve(letters);
      return letters;
    },
  });
  const path = deadLetterPath(directory, ASSEMBLER_NAME);
  const letters = await opened.promise;
  const desk = new LetterDesk({ disk, path, letters, sink: createLogSink(spool), limits: LIMITS });
  return { assembler, bootId, desk };
}
