import { resolve } from "node:path";
import { z } from "zod";
import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import type { Delivery } from "../delivery.ts";
import { ROW_DOCS } from "../rows/docs.ts";
import { untilAborted } from "../until-aborted.ts";
import { within } from "../within.ts";
import { createThread } from "./thread.ts";

/** A commit that takes longer has a disk that hangs; a stop does not wait for it. */
const CLOSE_MS_MAX = 5_000;

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .refine((path) => !path.includes("\0"), "must not contain a NUL character")
    .refine((path) => !/^(file:|:)/.test(path), "must be the path of a file")
    .default("events.db")
    .describe("The database file; a relative path starts in the data directory."),
  busy_timeout_ms: z
    .int()
    .min(0)
    .max(60_000)
    .default(5_000)
    .describe("How long a write of another program is waited for before the batch is tried again."),
});

export const sqliteSink = defineSink({
  type: "sqlite",
  summary: "Writes events and one wide row a run to an SQLite database.",
  options,
  // One sync a batch: a large batch costs hardly more than a small one.
  limits: { events: 1_000, bytes: 4 * 1024 * 1024, ageMs: 200 },
  // A row says by itself which of two is the newer.
  order: "none",
  // SQLite has one writer at a time.
  inFlight: 1,
  docs: {
    example:
      '[[sinks]]\nname = "sqlite"\ntype = "sqlite"\n\n[sinks.params]\npath = "events.db"\n\n# sqlite3 ~/.local/state/sluice/events.db \'SELECT * FROM usage_by_model_and_day\'',
    mapping: ROW_DOCS.mapping,
    notes: [
      ...ROW_DOCS.notes,
      "Delivered means committed and synced (WAL, `synchronous = FULL`): it survives a power cut. A copy of the file alone lacks what is still in `events.db-wal`; `sqlite3 events.db '.backup copy.db'` copies both.",
      "Times are text, UTC with milliseconds, and sort by time; booleans are 0 and 1; `tags`, `finish_reasons`, `metadata` and `raw` are JSON for `->>` and `json_each`.",
      "Read it while it is written: readers and the sink never wait for each other. A program that writes to it makes the sink wait `busy_timeout_ms`, and then try again.",
      "A full disk is tried again. A file that is no database, is damaged, is read-only or was made by a newer sluice pauses the sink with that sentence. One that is moved away or removed is made anew.",
      "The file is made for its owner only (0600), and belongs to one sink: two with the same path are refused at the start.",
    ],
  },
  destination: ({ path }) => path,
  writesTo: ({ path }, dataDir) => resolve(dataDir, path),
  open: async (settings, context) => openSqlite(settings, context),
});

function openSqlite(settings: z.output<typeof options>, context: SinkContext): Sink {
  const { clock, dataDir } = context;
  const path = resolve(dataDir, settings.path);
  const thread = createThread({ path, dataDir, busyTimeoutMs: settings.busy_timeout_ms });
  const stopped: Delivery = { status: "retry", reason: "stopped while it was written" };

  async function write(batch: readonly Outgoing[]): Promise<Delivery> {
    const { delivery } = await thread.ask({ name: "write", ...joined(batch) });
    return delivery ?? { status: "retry", reason: "the thread that writes to SQLite has not answered" };
  }

  return {
    async send(batch, signal) {
      if (batch.length === 0) return { status: "delivered" };
      if (signal.aborted) return stopped;
      return untilAborted(write(batch).catch(failed), signal, stopped);
    },
    async check(signal) {
      const asking = thread.ask({ name: "check" }).then(({ fault }) => fault, String);
      return untilAborted(asking, signal, "The SQLite sink did not answer in time.");
    },
    close: async () => {
      await within(CLOSE_MS_MAX, clock, thread.close());
    },
  };
}

/** The events' bytes in memory of their own: what they are slices of stays where it is. */
function joined(batch: readonly Outgoing[]): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: readonly number[];
} {
  const bytes = new Uint8Array(batch.reduce((sum, { raw }) => sum + raw.length, 0));
  let end = 0;
  const ends = batch.map(({ raw }) => {
    bytes.set(raw, end);
    end += raw.length;
    return end;
  });
  return { bytes, ends };
}

function failed(error: unknown): Delivery {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return { status: "retry", reason: `${error instanceof Error ? error.message : error}${cause}` };
}
