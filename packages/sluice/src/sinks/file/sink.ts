import { relative, resolve } from "node:path";
import {
  type AppendResult,
  bracketedEntry,
  bracketedFormat,
  codeOf,
  jsonlEntry,
  jsonlFormat,
  type Rotation,
} from "@sluice/sdk/internal";
import { z } from "zod";
import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import { untilAborted } from "../until-aborted.ts";
import { createOpenFiles, type OpenFiles } from "./open-files.ts";
import { isSplit, openFilePaths } from "./paths.ts";

/**
 * Small enough that a slip (bytes for megabytes) is caught, large enough for any log that is read by people.
 */
const ROTATE_BYTES_MIN = 1_024;

/** Syncs of different files overlap; few enough that none of them is closed to make room for another. */
const FILES_AT_ONCE = 8;

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .refine((path) => !path.includes("\0"), "must not contain a NUL character")
    .refine((path) => !/\{(?!scope\}|user\})/.test(path), "knows {scope} and {user} only")
    .refine(
      (path) => !isSplit(path) || !path.split(/[\\/]/).includes(".."),
      "must not contain .. next to {scope} or {user}",
    )
    .default("events.jsonl")
    .describe(
      "The file; a relative path starts in the data directory. {scope} becomes user or system, {user} a name made of the user's id.",
    ),
  format: z
    .enum(["jsonl", "bracketed"])
    .default("jsonl")
    .describe("jsonl: one event a line, as it was spooled. bracketed: the log of the custom event emitter."),
  rotate: z
    .strictObject({
      max_bytes: z.int().min(ROTATE_BYTES_MIN).optional().describe("A file does not grow past this."),
      every: z.enum(["hour", "day"]).optional().describe("A new file for each UTC hour or day."),
      keep: z.int().min(1).optional().describe("Old files that stay; without it all do."),
    })
    .optional()
    .describe("When a file gives way to a new one; it is renamed to NAME.TIME.EXTENSION."),
});

export const fileSink = defineSink({
  type: "file",
  summary: "Appends events to a file: one JSON line each, or the bracketed log.",
  options,
  // One sync a batch: a large batch costs hardly more than a small one.
  limits: { events: 1_024, bytes: 4 * 1024 * 1024, ageMs: 200 },
  order: "run",
  // One batch at a time keeps the file in spool order.
  inFlight: 1,
  docs: {
    example:
      '[[sinks]]\nname = "file"\ntype = "file"\n\n[sinks.params]\npath = "logs/{user}.jsonl"\nrotate = { max_bytes = 100_000_000, every = "day", keep = 14 }',
    mapping: [
      ["every event (jsonl)", "one line: the JSON as it was spooled"],
      ["init.started, init.succeeded, init.failed (bracketed)", "INIT_START, INIT_SUCCESS, INIT_ERROR"],
      ["run.ended of an llm or embedding run, ok (bracketed)", "GENERATION_SUCCESS"],
      ["run.ended of an llm or embedding run, otherwise (bracketed)", "GENERATION_ERROR"],
      ["tool.called (bracketed)", "TOOL_CALL_DETECTED"],
      ["everything else (bracketed)", "skipped `no_bracketed_form`"],
    ],
    notes: [
      "Delivered means synced: what `status` calls delivered survives a power cut.",
      "A crash can write an event twice, never half: a torn last line is repaired before the next one is appended.",
      "A file belongs to one sink: two with the same path, or one on a file of sluice's own, are refused at the start.",
      "A file that is renamed or removed (logrotate) is opened anew. One that is emptied (copytruncate) goes on from its start, and what came between the copy and the cut is lost by whoever does that: rename is the safe way.",
      "Files are made for the owner only (0600), and a symbolic link, a pipe or a hard link under the name is refused.",
      "Up to 10,000 files are made from {user}; events of further users share `overflow`.",
    ],
  },
  destination: ({ path }) => path,
  writesTo: ({ path }, dataDir) => resolve(dataDir, path),
  open: async (settings, context) => openFileSink(settings, context),
});

async function openFileSink(settings: z.output<typeof options>, context: SinkContext): Promise<Sink> {
  const { disk, clock, dataDir } = context;
  const isBracketed = settings.format === "bracketed";
  const format = isBracketed ? bracketedFormat : jsonlFormat;
  const entryOf = isBracketed ? bracketedBytes : (outgoing: Outgoing) => jsonlEntry(outgoing.raw);
  const rotation = rotationOf(settings.rotate);
  // Made anew, the data directory would stand in the way of the one that somebody moves back.
  const isOurs = !relative(dataDir, resolve(dataDir, settings.path)).startsWith("..");
  const files = createOpenFiles({ format, disk, clock, rotation, ...(isOurs && { within: dataDir }) });
  const splits = isSplit(settings.path);
  const path = resolve(dataDir, settings.path);
  const paths = await openFilePaths(disk, settings.path, dataDir, (message) => context.warn(message));

  function sort(batch: readonly Outgoing[], outcomes: ItemDelivery[]): Map<string, Entry[]> {
    const groups = new Map<string, Entry[]>();
    for (const [index, outgoing] of batch.entries()) {
      const entry = attempt(() => entryOf(outgoing));
      const target = splits ? attempt(() => paths.pathOf(outgoing.event)) : path;
      if (entry instanceof Unreadable || target instanceof Unreadable) {
        outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
      } else if (entry === undefined) {
        outcomes[index] = { status: "skipped", reason: "no_bracketed_form" };
      } else {
        const group = groups.get(target);
        if (group) group.push({ index, bytes: entry });
        else groups.set(target, [{ index, bytes: entry }]);
      }
    }
    return groups;
  }

  return {
    send(batch, signal) {
      const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
      const groups = signal.aborted ? new Map() : sort(batch, outcomes);
      const stopped: Delivery = { status: "retry", reason: "stopped while it was written" };
      return untilAborted(appendGroups(files, groups, outcomes, signal), signal, stopped);
    },
    check: () => check(files, splits ? undefined : path, paths.root, context),
    close: () => files.close(),
  };
}

interface Entry {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Appends each file's share of the batch; the answer is one outcome for all where they share it. */
async function appendGroups(
  files: OpenFiles,
  groups: ReadonlyMap<string, readonly Entry[]>,
  outcomes: ItemDelivery[],
  signal: AbortSignal,
): Promise<Delivery> {
  const waiting = [...groups];
  const errors: unknown[] = [];
  const appendNext = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [path, entries] = next;
      // After the signal nothing new is started.
      const result = signal.aborted ? { kept: 0 } : await append(files, path, entries);
      if (result.kept < entries.length) errors.push(result.error);
      const reason = reasonOf(result.error ?? "stopped before it was written");
      for (const entry of entries.slice(result.kept)) outcomes[entry.index] = { status: "retry", reason };
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, appendNext));
  const error = errors.find(needsMending);
  if (error !== undefined && outcomes.every((each) => each.status === "retry")) {
    return { status: "blocked", reason: reasonOf(error) };
  }
  return summary(outcomes);
}

async function append(files: OpenFiles, path: string, entries: readonly Entry[]): Promise<AppendResult> {
  const file = await files.get(path);
  return file.append(entries.map((entry) => entry.bytes));
}

/**
 * Will time alone not help? A full disk is emptied by the machine's other tenants; a wrong path or owner is
 * not.
 */
function needsMending(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code !== undefined &&
    /^(EACCES|EPERM|EROFS|ELOOP|EISDIR|EEXIST|ENOTDIR|EINVAL|ENAMETOOLONG|ENXIO)$/.test(code)
  );
}

async function check(
  files: OpenFiles,
  path: string | undefined,
  root: string,
  context: SinkContext,
): Promise<string | undefined> {
  try {
    if (path === undefined) await context.disk.makeDirectory(root);
    else await (await files.get(path)).open();
    return undefined;
  } catch (error) {
    return `The file sink cannot write: ${reasonOf(error)}.`;
  }
}

function bracketedBytes(outgoing: Outgoing): Uint8Array | undefined {
  const text = bracketedEntry(outgoing.event);
  return text === undefined ? undefined : Buffer.from(text);
}

class Unreadable {}

/** An event that cannot be decoded is one event's trouble, not the batch's. */
function attempt<Value>(action: () => Value): Value | Unreadable {
  try {
    return action();
  } catch {
    return new Unreadable();
  }
}

function rotationOf(rotate: z.output<typeof options>["rotate"]): Rotation {
  return {
    ...(rotate?.max_bytes !== undefined && { maxBytes: rotate.max_bytes }),
    ...(rotate?.every !== undefined && { every: rotate.every }),
    ...(rotate?.keep !== undefined && { keep: rotate.keep }),
  };
}

function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  return code === undefined || words.includes(code) ? words : `${words} (${code})`;
}
