import { crc32 } from "node:zlib";
import type { Disk } from "@sluice/sdk/internal";
import type { SpoolRecord } from "../../spool/spool.ts";
import { openTwoSlots, type TwoSlots } from "../two-slots.ts";

/** Some 3,000 records. One is added for every two ends of a process, so this is not a limit that is met. */
const SLOT_BYTES = 32 * 1024;

/**
 * The records that no route gets any more, kept over restarts in the file `set-aside` of the data directory.
 * The file is made with the first of them. A record is known by its offset and the sum of its bytes: in a
 * spool that was begun anew the same offset is another record.
 */
export interface SetAside {
  has(record: Kept): boolean;
  readonly size: number;
  /** Durable when it resolves. Rejects if the disk does; then it holds for this process only. */
  add(record: Kept): Promise<void>;
  close(): Promise<void>;
}

/** @param firstOffset what is below was trimmed, and is forgotten. */
export async function openSetAside(disk: Disk, dataDir: string, firstOffset: number): Promise<SetAside> {
  const name = "set-aside";
  const path = `${dataDir}/${name}`;
  const isThere = (await disk.list(dataDir)).includes(name);
  let slots: TwoSlots | undefined = isThere ? await openTwoSlots(disk, path, SLOT_BYTES) : undefined;
  const sums = new Map(decode(slots?.content).filter(([offset]) => offset >= firstOffset));
  return {
    has: ({ offset, body }) => sums.has(offset) && sums.get(offset) === crc32(body),
    get size() {
      return sums.size;
    },
    async add({ offset, body }) {
      sums.set(offset, crc32(body));
      slots ??= await openTwoSlots(disk, path, SLOT_BYTES);
      await slots.write(Buffer.from(JSON.stringify({ version: 1, records: [...sums] })));
      const directory = await disk.open(dataDir, "read");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    close: async () => slots?.close(),
  };
}

/** The checksum held, so it is what we wrote; but maybe a newer sluice did. */
function decode(bytes: Uint8Array | undefined): Content["records"] {
  if (!bytes) return [];
  const content = JSON.parse(Buffer.from(bytes).toString()) as Content;
  return content.version === 1 ? content.records : [];
}

interface Content {
  readonly version: number;
  /** Offset and sum. */
  readonly records: readonly (readonly [number, number])[];
}

type Kept = Pick<SpoolRecord, "offset" | "body">;
