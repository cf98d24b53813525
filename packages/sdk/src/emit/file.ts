import { resolve } from "node:path";
import { decodeEvent } from "../event/codec.ts";
import type { IncomingEvent } from "../event/validate.ts";
import { bracketedEntry, bracketedFormat } from "../logfile/bracketed.ts";
import { jsonlFormat } from "../logfile/jsonl.ts";
import type { Rotation } from "../logfile/rotation.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { type Disk, systemDisk } from "../system/disk.ts";
import type { Random } from "../system/random.ts";
import { type Batch, BatchError, createBufferedEmitter } from "./buffered.ts";
import { dropTeller, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import { OtherSettingsError, type SharedLogFile, shareLogFile } from "./shared-log-file.ts";

/**
 * Appends events to a file, which it makes, with its directory, when the first one comes.
 *
 * Entries are whole and in order, also across a rotation; a file that logrotate renames is noticed at the
 * next batch. Several emitters of one process may have the same path, also by different names, and share one
 * writer; several processes may not.
 *
 * A file that cannot be written (a full disk, no permission) is tried again with each flush and every second.
 * Meanwhile events fill the buffer, and what finds no room is dropped, and told. `flush` resolves when its
 * events are written, or when the file has just refused them again; `close` drops what it refuses then.
 */
export interface FileOptions {
  readonly path: string;
  /**
   * "jsonl" unless said otherwise: every event, one JSON object a line. "bracketed" is the log of the custom
   * event emitter, for people; it has a form for initialisations, generations and tool calls. The start of a
   * run is left out, because its end says all of it again; every other event is a drop `no_form`.
   */
  readonly format?: "jsonl" | "bracketed";
  /** Absent: one file that grows. */
  readonly rotation?: Rotation;
  /**
   * Each batch is on the disk before it counts as written. Without it, it is with the operating system: safe
   * from a crash of the process, not from a power cut. Default false.
   */
  readonly durable?: boolean;
  readonly onDrop?: OnDrop;
  /** Of each of two buffers. */
  readonly bufferBytes?: number;
  /** For tests: the machine's own otherwise. */
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A disk is seldom mended sooner, and an attempt costs a few calls. */
const RETRY_MS = 1_000;

/** An emitter that appends to a file. Touches nothing before the first event. */
export function createFileEmitter(options: FileOptions): Emitter {
  const { path, format = "jsonl", rotation, durable = false, ...rest } = options;
  const { disk = systemDisk, clock = systemClock, onDrop } = options;
  const tell = dropTeller(onDrop);
  const settings = {
    // Resolved now: the application may change its directory.
    ...{ path: resolve(path), disk, clock, durable, ...(rotation !== undefined && { rotation }) },
    format: format === "jsonl" ? jsonlFormat : bracketedFormat,
  };
  let shared: SharedLogFile | undefined;

  const write = async (batch: Batch): Promise<void> => {
    shared ??= await open();
    const entries = format === "jsonl" ? linesOf(batch) : linesOf(batch).map(toBracketed);
    const { events, formless, error } = await append(shared, entries);
    tell(formless, "no_form", "the bracketed log has no form for this kind");
    if (error !== undefined) throw new BatchError(error, events);
  };
  const open = async (): Promise<SharedLogFile> => {
    try {
      return await shareLogFile(settings);
    } catch (error) {
      throw new BatchError(error, 0, !(error instanceof OtherSettingsError));
    }
  };

  const emitter = createBufferedEmitter({ ...rest, write, retryMs: RETRY_MS });
  return {
    emit(event) {
      if (format === "jsonl" || !isStart(event)) emitter.emit(event);
    },
    flush: (signal) => emitter.flush(signal),
    async close() {
      await emitter.close();
      const file = shared;
      shared = undefined;
      await file?.release();
    },
  };
}

function isStart(event: IncomingEvent): boolean {
  try {
    return event.kind === "run.started";
  } catch {
    // What cannot be read is told by the buffered emitter.
    return false;
  }
}

/**
 * How many of the first entries are done with, and how many of those had no form. Behind an error the entries
 * that were not kept are offered again.
 */
async function append(
  { file }: SharedLogFile,
  entries: readonly (Uint8Array | undefined)[],
): Promise<{ readonly events: number; readonly formless: number; readonly error?: unknown }> {
  const formed = entries.filter((entry) => entry !== undefined);
  const { kept, error } = formed.length === 0 ? { kept: 0 } : await file.append(formed);
  if (kept === formed.length) return { events: entries.length, formless: entries.length - kept };
  const refused = entries.indexOf(formed[kept]);
  return { events: refused, formless: refused - kept, error };
}

const LINE_FEED = 0x0a;

function linesOf({ bytes, events }: Batch): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; lines.length < events; ) {
    const end = bytes.indexOf(LINE_FEED, start);
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function toBracketed(line: Uint8Array): Uint8Array | undefined {
  const entry = bracketedEntry(decodeEvent(line));
  return entry === undefined ? undefined : Buffer.from(entry);
}
