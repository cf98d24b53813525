import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Disk, Random } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import { openTwoSlots, readTwoSlots, type TwoSlots } from "./two-slots.ts";

/**
 * `routes.json`: which routes this data directory has, each with its first offset, so that a route never
 * starts where it should not: a new sink begins at "now" (in a new data directory at the oldest), one whose
 * ledger is lost at its first offset. An entry is durable before its route reads for the first time, and is
 * never lost: a sink that is missing from the configuration stays as detached, and keeps its backlog.
 *
 * The file is JSON inside a binary frame (two-slots.ts). If neither slot can be believed, the directory
 * counts as new: every route starts at the oldest record, which costs duplicates and skips nothing.
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
  /** All entries, those that were not registered since opening marked as detached. */
  list(): readonly (RouteEntry & { readonly isDetached: boolean })[];
  close(): Promise<void>;
}

interface RouteSink {
  readonly name: string;
  readonly type: string;
  /** What tells one destination from another; never a key. Only its hash is kept. */
  readonly destination: string;
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
const FILE = "routes.json";
const PLACE_BYTES = 16;
const FINGERPRINT_HEX = 16;

export async function openRoutes(options: RoutesOptions): Promise<Routes> {
  const { disk, random, dataDir } = options;
  await disk.makeDirectory(dataDir);
  const slots = await openTwoSlots(disk, join(dataDir, FILE), SLOT_BYTES);
  const stored = slots.content && decode(slots.content);
  const content = stored ?? { version: 1, dataDirId: randomHex(random), routes: [] };
  const routes = new StoredRoutes(options, slots, content, stored === undefined);
  if (!stored) {
    await routes.store();
    const directory = await disk.open(dataDir, "read");
    await directory.sync();
    await directory.close();
  }
  return routes;
}

/** The entries of a data directory, read without touching anything. */
export async function readRoutes(disk: Disk, dataDir: string): Promise<readonly RouteEntry[]> {
  const content = await readTwoSlots(disk, join(dataDir, FILE), SLOT_BYTES);
  return (content && decode(content)?.routes) ?? [];
}

interface Content {
  readonly version: 1;
  readonly dataDirId: string;
  readonly routes: readonly RouteEntry[];
}

class StoredRoutes implements Routes {
  readonly dataDirId: string;
  readonly #options: RoutesOptions;
  readonly #slots: TwoSlots;
  readonly #isNew: boolean;
  readonly #entries: Map<string, RouteEntry>;
  readonly #registered = new Set<string>();

  constructor(options: RoutesOptions, slots: TwoSlots, content: Content, isNew: boolean) {
    this.#options = options;
    this.#slots = slots;
    this.#isNew = isNew;
    this.dataDirId = content.dataDirId;
    this.#entries = new Map(content.routes.map((entry) => [entry.name, entry]));
  }

  async register(sink: RouteSink, from?: "oldest" | "now"): Promise<RouteEntry> {
    const { name, type } = sink;
    const fingerprint = fingerprintOf(sink);
    const known = this.#entries.get(name);
    if (known && known.fingerprint !== fingerprint && from === undefined) {
      throw new SluiceError("ROUTE_OTHER_DESTINATION", { name });
    }
    this.#registered.add(name);
    if (known?.fingerprint === fingerprint) return known;
    const { firstOffset, nextOffset } = this.#options.offsets();
    const start = from ?? (this.#isNew ? "oldest" : "now");
    const entry = {
      name,
      type,
      fingerprint,
      firstOffset: start === "oldest" ? firstOffset : nextOffset,
      place: randomHex(this.#options.random),
    };
    this.#entries.set(name, entry);
    await this.store();
    return entry;
  }

  list(): readonly (RouteEntry & { readonly isDetached: boolean })[] {
    return [...this.#entries.values()].map((entry) => ({
      ...entry,
      isDetached: !this.#registered.has(entry.name),
    }));
  }

  store(): Promise<void> {
    const content: Content = { version: 1, dataDirId: this.dataDirId, routes: [...this.#entries.values()] };
    return this.#slots.write(Buffer.from(JSON.stringify(content)));
  }

  close(): Promise<void> {
    return this.#slots.close();
  }
}

/** The checksum held, so it is what we wrote; but maybe a newer sluice did. */
function decode(bytes: Uint8Array): Content | undefined {
  const content = JSON.parse(Buffer.from(bytes).toString()) as Content;
  return content.version === 1 ? content : undefined;
}

function fingerprintOf({ type, destination }: RouteSink): string {
  return createHash("sha256").update(`${type}\n${destination}`).digest("hex").slice(0, FINGERPRINT_HEX);
}

function randomHex(random: Random): string {
  return Buffer.from(random.fill(new Uint8Array(PLACE_BYTES))).toString("hex");
}
