import { join } from "node:path";
import {
  bySpillOrder,
  type Clock,
  codeOf,
  type Disk,
  type Ids,
  type ProcessTable,
  SPILL_DIRECTORY,
  sleep,
  spillStateOf,
} from "@sluice/sdk/internal";
import type { Intake } from "../intake.ts";
import { adoptFile } from "./adopt-file.ts";
import { openSpillFile } from "./open-file.ts";
import { SilenceWatch } from "./silence-watch.ts";

/**
 * Events that applications could not send before they ended: docs/spec/spill.md. The directory is looked
 * through at the start and every two seconds, the files of each writer in their order. A file is adopted when
 * it was left, or when its writer is dead: its lines are appended like any others, then it is removed. Ids
 * make harmless what was sent before, and what is adopted twice because the daemon ended in between.
 *
 * Whether a writer is dead, its process says, by pid and start. Where this daemon cannot see that process
 * (another container, another host), ten minutes in which the file does not change say it: writers touch
 * theirs every minute. The time is the daemon's own, so that no clock and no suspended machine decides.
 */
export interface SpillSource {
  /** Ends what is being adopted, after the append that is on its way; the rest stays in its file. */
  close(): Promise<void>;
}

export interface SpillOptions {
  readonly dataDir: string;
  readonly intake: Intake;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly processes: ProcessTable;
  readonly observer: SpillObserver;
}

export interface SpillObserver {
  /** A file is done, and gone. */
  onAdopted(file: AdoptedFile): void;
  /** Something a person should see. Never with what is in a file. */
  warn(message: string): void;
}

interface AdoptedFile {
  readonly name: string;
  /** Lines that are stored now, or were before. */
  readonly events: number;
  /** Lines that will never be taken. They stand in `NAME.refused`. */
  readonly refused: number;
  /** Why, as codes of docs/spec/ingest-api.md: "2 conflict, 1 malformed_json". */
  readonly refusals: string;
  /** Last lines without an end: the writer was killed before their `emit` returned. 0 or 1. */
  readonly torn: number;
}

/** A dead application's events are wanted soon, and a look at an empty directory costs nothing. */
const LOOK_EVERY_MS = 2_000;
/** Warnings that are remembered. More files in the way than this are somebody's test. */
const SAID_MAX = 100;

export function openSpillSource(options: SpillOptions): SpillSource {
  const closed = new AbortController();
  const looking = look(options, closed.signal);
  return {
    async close() {
      closed.abort();
      await looking;
    },
  };
}

async function look(given: SpillOptions, closed: AbortSignal): Promise<void> {
  const options = { ...given, observer: sayingOnce(given.observer) };
  const { disk, clock, observer, dataDir } = options;
  const directory = join(dataDir, SPILL_DIRECTORY);
  const silence = new SilenceWatch(clock);
  while (!closed.aborted) {
    try {
      const listed = await disk.list(directory);
      const names = listed.filter((name) => spillStateOf(name) !== undefined).sort(bySpillOrder);
      silence.keep(names);
      for (const name of names) {
        if (!closed.aborted) await adopt(options, directory, name, silence, closed);
      }
    } catch (error) {
      observer.warn(`The spill directory cannot be read (${codeOf(error) ?? error}): ${directory}`);
    }
    await sleep(clock, LOOK_EVERY_MS, closed);
  }
}

/** One file that cannot be read keeps no other from being adopted. */
async function adopt(
  options: SpillOptions,
  directory: string,
  name: string,
  silence: SilenceWatch,
  closed: AbortSignal,
): Promise<void> {
  const path = join(directory, name);
  try {
    const opened = await openSpillFile({ ...options, silence }, path, name);
    switch (opened.status) {
      case "busy":
        return;
      case "foreign":
        return options.observer.warn(`Not adopted, because ${opened.reason}: ${path}`);
      case "mine":
        return await adoptFile(options, opened.file, { path, name }, closed);
    }
  } catch (error) {
    options.observer.warn(`A spill file cannot be adopted (${codeOf(error) ?? error}): ${path}`);
  }
}

/** A file that is in the way is met at every look, and its message says nothing new. */
function sayingOnce(observer: SpillObserver): SpillObserver {
  const said = new Set<string>();
  return {
    onAdopted: (file) => observer.onAdopted(file),
    warn(message) {
      if (said.has(message)) return;
      if (said.size >= SAID_MAX) said.clear();
      said.add(message);
      observer.warn(message);
    },
  };
}
