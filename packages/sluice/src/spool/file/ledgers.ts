import { type Disk, isNoFile } from "@sluice/sdk/internal";
import { readSlots, SlotFile, type SlotValue } from "./slots.ts";

const SUFFIX = ".ledger";

/** The routes' ledgers, one slot file each. To the spool they are bytes. */
export class Ledgers {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #spoolId: string;
  readonly #files = new Map<string, Promise<SlotFile>>();
  readonly #open = new Map<string, SlotFile>();

  constructor(disk: Disk, directory: string, spoolId: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.#spoolId = spoolId;
  }

  /** Opens a route's file, if it is not open yet, and returns what is stored in it. */
  async open(route: string): Promise<Uint8Array | undefined> {
    const opening = this.#files.get(route) ?? this.#openFile(route);
    this.#files.set(route, opening);
    try {
      const file = await opening;
      return await file.settled();
    } catch (error) {
      this.#files.delete(route);
      throw error;
    }
  }

  /** What all of them take. */
  get bytes(): number {
    let bytes = 0;
    for (const file of this.#open.values()) bytes += file.bytes;
    return bytes;
  }

  async write(route: string, ledger: Uint8Array, durable: boolean): Promise<void> {
    const file = await this.#files.get(route);
    await file?.write(ledger, durable);
  }

  async close(): Promise<void> {
    for (const opening of this.#files.values()) await (await opening).close();
    this.#files.clear();
  }

  async #openFile(route: string): Promise<SlotFile> {
    const file = new SlotFile(this.#disk, this.#directory, ledgerName(route), this.#spoolId);
    await file.open();
    this.#open.set(route, file);
    return file;
  }
}

/**
 * Every ledger there is by its route's name, with the spool it belongs to, read without touching anything.
 * @throws SluiceError SPOOL_TOO_NEW if a later version wrote one of them.
 */
export async function readLedgers(disk: Disk, directory: string): Promise<ReadonlyMap<string, StoredLedger>> {
  const ledgers = new Map<string, StoredLedger>();
  for (const name of await disk.list(directory)) {
    const route = routeOf(name);
    if (route === undefined) continue;
    const path = `${directory}/${name}`;
    const stored = await readLedger(disk, path);
    if (stored) ledgers.set(route, { path, ...stored });
  }
  return ledgers;
}

async function readLedger(disk: Disk, path: string): Promise<SlotValue | undefined> {
  try {
    return await readSlots(disk, path);
  } catch (error) {
    // A directory or a link by that name is no ledger.
    if (isNoFile(error)) return undefined;
    throw error;
  }
}

interface StoredLedger extends SlotValue {
  readonly path: string;
}

/**
 * Reversible, and safe whatever the name holds: slashes are escaped, and the suffix keeps "." and ".." from
 * being themselves.
 */
function ledgerName(route: string): string {
  return `${encodeURIComponent(route)}${SUFFIX}`;
}

/** Undefined for a name that is not one of ours. */
function routeOf(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  try {
    return decodeURIComponent(name.slice(0, -SUFFIX.length));
  } catch {
    return undefined; // "%" and no number behind it.
  }
}
