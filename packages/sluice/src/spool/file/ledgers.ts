import type { Disk } from "@sluice/sdk/internal";
import { readSlots, SlotFile } from "./slots.ts";

const SUFFIX = ".ledger";

/** The routes' ledgers, one slot file each. To the spool they are bytes. */
export class Ledgers {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #spoolId: string;
  readonly #files = new Map<string, Promise<SlotFile>>();

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
    return file;
  }
}

/** Every ledger there is by its route's name, with the spool it belongs to, read without touching anything. */
export async function readLedgers(disk: Disk, directory: string): Promise<ReadonlyMap<string, StoredLedger>> {
  const ledgers = new Map<string, StoredLedger>();
  for (const name of await disk.list(directory)) {
    const stored = name.endsWith(SUFFIX) ? await readSlots(disk, `${directory}/${name}`) : undefined;
    if (stored) ledgers.set(decodeURIComponent(name.slice(0, -SUFFIX.length)), stored);
  }
  return ledgers;
}

interface StoredLedger {
  readonly spoolId: string;
  readonly payload: Uint8Array;
}

/**
 * Reversible, and safe whatever the name holds: slashes are escaped, and the suffix keeps "." and ".." from
 * being themselves.
 */
function ledgerName(route: string): string {
  return `${encodeURIComponent(route)}${SUFFIX}`;
}
