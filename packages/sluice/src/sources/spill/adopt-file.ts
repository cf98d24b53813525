import { ITEMS_PER_REQUEST_MAX, sleep } from "@sluice/sdk/internal";
import type { NewRecord } from "../../spool/spool.ts";
import { formNamed, readItem } from "../ingest/item.ts";
import { outcomeOf } from "../ingest/outcome.ts";
import { type Item, splitBody } from "../ingest/split.ts";
import type { DeadFile } from "./open-file.ts";
import { RefusedLines } from "./refused-lines.ts";
import type { SpillOptions } from "./spill.ts";

/** What is appended at once: some milliseconds of parsing, after which the proxy gets its turn. */
const PIECE_BYTES = 1024 * 1024;
/** A full spool is seldom relieved sooner. */
const RETRY_MS = 2_000;
const LINE_FEED = 0x0a;

/**
 * Appends the lines of a dead file, in their order, and removes it when each is stored or stands in
 * `NAME.refused`. Waits while the spool has no room. When `closed` aborts it returns, and the file stays as
 * it is; so it does when this rejects with Node's error.
 */
export async function adoptFile(
  options: SpillOptions,
  { file, sizeBytes, from }: DeadFile,
  { path, name }: { readonly path: string; readonly name: string },
  closed: AbortSignal,
): Promise<void> {
  const { disk, observer } = options;
  const refused = new RefusedLines(disk, `${path}.refused`);
  let events = 0;
  let torn = 0;
  try {
    let pieceBytes = PIECE_BYTES;
    for (let at = from; at < sizeBytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes - at));
      const count = await file.read(piece, at);
      if (count === 0) break;
      const end = piece.subarray(0, count).lastIndexOf(LINE_FEED) + 1;
      if (end === 0) {
        if (at + count >= sizeBytes) torn = 1;
        if (torn === 1) break;
        // One line that is longer than a piece.
        pieceBytes *= 2;
        continue;
      }
      const stored = await appendLines(options, piece.subarray(0, end), refused, closed);
      if (stored === undefined) return;
      events += stored;
      at += end;
    }
    await refused.finish();
    // A writer that was silent for long was taken for dead, and was not: what it wrote meanwhile waits for
    // its next silence.
    if ((await file.stat()).sizeBytes > sizeBytes) return;
    await disk.remove(path);
  } finally {
    await refused.close();
    await file.close();
  }
  const { lines, summary: refusals } = refused;
  if (events + lines + torn > 0) observer.onAdopted({ name, events, refused: lines, refusals, torn });
}

/** How many lines are stored; undefined when it was closed before all were. */
async function appendLines(
  options: SpillOptions,
  lines: Uint8Array,
  refused: RefusedLines,
  closed: AbortSignal,
): Promise<number | undefined> {
  const { clock, ids } = options;
  const items = splitBody(lines, "ndjson", Number.POSITIVE_INFINITY);
  // Only for lines with nothing on them.
  if ("code" in items) return 0;
  const now = new Date(clock.nowMs()).toISOString();
  const good: { readonly item: Item; readonly record: NewRecord }[] = [];
  for (const item of items) {
    const read = item.fault ?? readItem(item.bytes, formNamed("canonical"), ids, now);
    if ("record" in read) good.push({ item, record: read.record });
    else await refused.add(item.bytes, read);
  }
  let stored = 0;
  for (let at = 0; at < good.length; at += ITEMS_PER_REQUEST_MAX) {
    const count = await append(options, good.slice(at, at + ITEMS_PER_REQUEST_MAX), refused, closed);
    if (count === undefined) return undefined;
    stored += count;
  }
  return stored;
}

async function append(
  { intake, clock }: SpillOptions,
  lines: readonly { readonly item: Item; readonly record: NewRecord }[],
  refused: RefusedLines,
  closed: AbortSignal,
): Promise<number | undefined> {
  let waiting = lines;
  let stored = 0;
  for (;;) {
    if (closed.aborted) return undefined;
    const outcomes = await intake.append(
      waiting.map(({ record }) => record),
      closed,
    );
    const again: (typeof waiting)[number][] = [];
    for (const [index, line] of waiting.entries()) {
      const outcome = outcomes[index] ?? { status: "failed", reason: "no answer for this event" };
      const result = outcomeOf(outcome, line.record.id, false);
      if (result.status !== "rejected") stored++;
      else if (result.why.status === 503) again.push(line);
      else await refused.add(line.item.bytes, result.why);
    }
    if (again.length === 0) return stored;
    waiting = again;
    await sleep(clock, RETRY_MS, closed);
  }
}
