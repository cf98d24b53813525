import { AssertionError } from "node:assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Disk, type Random, syncDirectory } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import type { BacklogLimit } from "./backlog.ts";
import { openTwoSlots, readTwoSlots, type TwoSlots } from "./two-slots.ts";

/**
 * `routes.json`: which routes this data directory has, each with its first offset, so that a route never
 * starts where it should not: a new sink begins at "now" (in a new data directory at the oldest), one whose
 * ledger is lost at its first offset. An entry is durable before its route reads for the first time, and is
 * never lost: a sink that is missing from the configuration stays as detached, and keeps its backlog.
 *
 * The file is JSON inside a binary frame (two-slots.ts). If neither slot can be believed, the directory
 * counts as new: every route starts at the oldest record, which costs duplicates and skips nothing. Frame,
 * JSON and `version` stay in every later format: a later one is refused, never replaced.
 */
export interface Routes {
  /** Random, for the life of the data directory. The boot ids that are given out here begin with it. */
  readonly dataDirId: string;
  /**
   * The entry of a sink, made on first sight and durable when this resolves. Rejects with
   * ROUTE_OTHER_DESTINATION if the name is known for another destination, unless `from` is given: then it
   * starts anew, with an empty ledger.
   */
  register(sink: RouteSink, from?: "oldest" | "now"): Promise<RouteEntry>;
  /** @throws SluiceError ROUTE_OTHER_DESTINATION if `register` would. */
  check(sink: RouteSink, from?: "oldest" | "now"): void;
  entryOf(name: string): RouteEntry | undefined;
  /** A route over a part of the log, which begins with an empty ledger; durable when this resolves. */
  addReplay(name: string, type: string, firstOffset: number, replay: ReplayEntry): Promise<RouteEntry>;
  /** The same route under another name, which must be free, and its replay; durable when this resolves. */
  rename(from: string, to: string): Promise<void>;
  /** Durable when this resolves. The name is as if it had never been there. */
  remove(name: string): Promise<void>;
  /** The routes of the start are there: a new one begins at what comes, also in a new data directory. */
  started(): void;
  /** All entries, those that were not registered since opening marked as detached. */
  list(): readonly (RouteEntry & { readonly isDetached: boolean })[];
  close(): Promise<void>;
}

interface RouteSink {
  readonly name: string;
  readonly type: string;
  /** What tells one destination from another; never a key. Only its hash is kept. */
  readonly destination: string;
  /** Kept with the entry, so that it holds for as long as the sink is away. */
  readonly backlog?: BacklogLimit;
}

export interface RouteEntry {
  readonly name: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly firstOffset: number;
  /**
   * Random: a ledger or dead letter that names another place belongs to another route or another life of this
   * one.
   */
  readonly place: string;
  readonly backlog?: BacklogLimit;
  /** It is no sink's own route, but sends a part of the log to one again. */
  readonly replay?: ReplayEntry;
}

export interface ReplayEntry {
  readonly sink: string;
  /** Below this offset. */
  readonly until: number;
  /** Of the events' own times, RFC 3339: at or after, and before. */
  readonly since?: string;
  readonly before?: string;
  /** Events a second, at the most. */
  readonly rate?: number;
}

export interface RoutesOptions {
  readonly disk: Disk;
  readonly random: Random;
  readonly dataDir: string;
  /** Where the spool stands at a call. */
  readonly offsets: () => { readonly firstOffset: number; readonly nextOffset: number };
}

/** 64 KiB: some 200 routes. More sinks than that are a mistake in a script. */
const SLOT_BYTES = 64 * 1024;
/** What `routes.json` takes at the most. */
export const ROUTES_BYTES_MAX = 2 * SLOT_BYTES;
const FILE = "routes.json";
const VERSION = 1;
const PLACE_BYTES = 16;
const FINGERPRINT_HEX = 16;

/** The route of a sink's replay. */
export function replayNameOf(sink: string): string {
  return `${sink}@replay`;
}

/** The sink of a route by such a name; undefined for any other. */
export function sinkOfReplay(route: string): string | undefined {
  return /^(.+)@replay$/.exec(route)?.[1];
}

export async function openRoutes(options: RoutesOptions): Promise<Routes> {
  const { disk, random, dataDir } = options;
  await disk.makeDirectory(dataDir);
  // Before the file is opened for writing: that of a later version is left as it is.
  await readStored(disk, dataDir);
  const slots = await openTwoSlots(disk, join(dataDir, FILE), SLOT_BYTES);
  const stored = slots.content && decode(slots.content, dataDir);
  const content = stored ?? { version: VERSION, dataDirId: randomHex(random), routes: [] };
  const routes = new StoredRoutes(options, slots, content, stored === undefined);
  if (!stored) await routes.store();
  // Not only for a new file: a process that was killed may have made it and not come to this.
  await syncDirectory(disk, dataDir);
  return routes;
}

/**
 * The entries of a data directory, read without touching anything. @throws SluiceError SPOOL_TOO_NEW if a
 * later version wrote them.
 */
export async function readRoutes(disk: Disk, dataDir: string): Promise<readonly RouteEntry[]> {
  return (await readStored(disk, dataDir))?.routes ?? [];
}

async function readStored(disk: Disk, dataDir: string): Promise<Content | undefined> {
  const content = await readTwoSlots(disk, join(dataDir, FILE), SLOT_BYTES);
  return content && decode(content, dataDir);
}

interface Content {
  readonly version: number;
  readonly dataDirId: string;
  readonly routes: readonly RouteEntry[];
}

class StoredRoutes implements Routes {
  readonly dataDirId: string;
  readonly #options: RoutesOptions;
  readonly #slots: TwoSlots;
  #isNew: boolean;
  #entries: Map<string, RouteEntry>;
  readonly #registered = new Set<string>();

  constructor(options: RoutesOptions, slots: TwoSlots, content: Content, isNew: boolean) {
    this.#options = options;
    this.#slots = slots;
    this.#isNew = isNew;
    this.dataDirId = content.dataDirId;
    this.#entries = new Map(content.routes.map((entry) => [entry.name, entry]));
  }

  async register(sink: RouteSink, from?: "oldest" | "now"): Promise<RouteEntry> {
    this.check(sink, from);
    const { name, type } = sink;
    const fingerprint = fingerprintOf(sink);
    const known = this.#entries.get(name);
    this.#registered.add(name);
    if (known?.fingerprint === fingerprint) return this.#withBacklog(known, sink.backlog);
    const { firstOffset, nextOffset } = this.#options.offsets();
    const start = from ?? (this.#isNew ? "oldest" : "now");
    const entry = {
      name,
      type,
      fingerprint,
      firstOffset: start === "oldest" ? firstOffset : nextOffset,
      place: randomHex(this.#options.random),
      ...(sink.backlog && { backlog: sink.backlog }),
    };
    await this.#change((entries) => entries.set(name, entry));
    return entry;
  }

  check(sink: RouteSink, from?: "oldest" | "now"): void {
    const known = this.#entries.get(sink.name);
    if (!known || from !== undefined || known.fingerprint === fingerprintOf(sink)) return;
    throw new SluiceError("ROUTE_OTHER_DESTINATION", { name: sink.name });
  }

  entryOf(name: string): RouteEntry | undefined {
    return this.#entries.get(name);
  }

  async addReplay(name: string, type: string, firstOffset: number, replay: ReplayEntry): Promise<RouteEntry> {
    const fingerprint = fingerprintOf({ name, type, destination: name });
    const entry = { name, type, fingerprint, firstOffset, place: randomHex(this.#options.random), replay };
    await this.#change((entries) => entries.set(name, entry));
    return entry;
  }

  rename(from: string, to: string): Promise<void> {
    const entry = this.#entries.get(from);
    if (!entry) throw new AssertionError({ message: `there is no route "${from}" to rename` });
    const replaying = this.#entries.get(replayNameOf(from));
    return this.#change((entries) => {
      entries.delete(from);
      entries.set(to, { ...entry, name: to });
      if (!replaying?.replay) return;
      const name = replayNameOf(to);
      entries.delete(replaying.name);
      entries.set(name, { ...replaying, name, replay: { ...replaying.replay, sink: to } });
    });
  }

  remove(name: string): Promise<void> {
    return this.#change((entries) => entries.delete(name));
  }

  /** What could not be stored has not happened. */
  async #change(change: (entries: Map<string, RouteEntry>) => void): Promise<void> {
    const before = this.#entries;
    this.#entries = new Map(before);
    change(this.#entries);
    try {
      await this.store();
    } catch (error) {
      this.#entries = before;
      throw error;
    }
  }

  async #withBacklog(known: RouteEntry, backlog: BacklogLimit | undefined): Promise<RouteEntry> {
    const isSame =
      known.backlog?.maxBytes === backlog?.maxBytes && known.backlog?.whenFull === backlog?.whenFull;
    if (isSame) return known;
    const { backlog: _, ...rest } = known;
    const entry = { ...rest, ...(backlog && { backlog }) };
    await this.#change((entries) => entries.set(known.name, entry));
    return entry;
  }

  started(): void {
    this.#isNew = false;
  }

  list(): readonly (RouteEntry & { readonly isDetached: boolean })[] {
    return [...this.#entries.values()].map((entry) => ({
      ...entry,
      isDetached: !this.#registered.has(entry.name),
    }));
  }

  store(): Promise<void> {
    const content: Content = {
      version: VERSION,
      dataDirId: this.dataDirId,
      routes: [...this.#entries.values()],
    };
    return this.#slots.write(Buffer.from(JSON.stringify(content)));
  }

  close(): Promise<void> {
    return this.#slots.close();
  }
}

/** The checksum held, so it is what we wrote; but maybe a newer sluice did, and it is not ours to replace. */
function decode(bytes: Uint8Array, dataDir: string): Content {
  const content = JSON.parse(Buffer.from(bytes).toString()) as Content;
  if (content.version > VERSION) {
    const path = join(dataDir, FILE);
    throw new SluiceError("SPOOL_TOO_NEW", { path, format: content.version, known: VERSION });
  }
  return content;
}

function fingerprintOf({ type, destination }: RouteSink): string {
  return createHash("sha256").update(`${type}\n${destination}`).digest("hex").slice(0, FINGERPRINT_HEX);
}

function randomHex(random: Random): string {
  return Buffer.from(random.fill(new Uint8Array(PLACE_BYTES))).toString("hex");
}
