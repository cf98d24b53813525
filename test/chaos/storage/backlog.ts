import { CUSTOM_KIND_CODE } from "@sluice/sdk";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";

/** A spool full of events that nobody has delivered yet, as a daemon may find it after a crash. */
export interface Backlog {
  readonly title: string;
  readonly bytes: number;
  readonly eventBytes: number;
  /** Smaller than usual where there are to be many of them. */
  readonly segmentBytes?: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const BATCH_BYTES = 4 * MIB;

/** Of these sizes in all, events of 1 KiB and of 1 MiB, and the same in many segments. */
export function backlogs(bytes: number, segments: number): readonly Backlog[] {
  const segmentBytes = 64 * KIB;
  return [
    { title: `${bytes / MIB} MiB of events of 1 KiB`, bytes, eventBytes: KIB },
    { title: `${bytes / MIB} MiB of events of 1 MiB`, bytes, eventBytes: MIB },
    { title: `${segments} segments`, bytes: segments * segmentBytes, eventBytes: 4 * KIB, segmentBytes },
  ];
}

/** Appends a backlog, by the spool itself, and syncs nothing: nobody cuts the power here. */
export async function writeBacklog(dataDir: string, backlog: Backlog): Promise<number> {
  const { bytes, eventBytes, segmentBytes } = backlog;
  const spool = await openFileSpool({
    dataDir,
    disk: {
      ...systemDisk,
      open: async (path, mode) => {
        const file = await systemDisk.open(path, mode);
        return {
          write: (chunk, position) => file.write(chunk, position),
          read: (into, position) => file.read(into, position),
          sync: async () => {},
          truncate: (sizeBytes) => file.truncate(sizeBytes),
          stat: () => file.stat(),
          close: () => file.close(),
        };
      },
    },
    clock: systemClock,
    random: systemRandom,
    maxBytes: 16 * bytes + 1024 * MIB,
    minFreeBytes: 0,
    ...(segmentBytes !== undefined && { segmentBytes }),
  });
  const count = Math.max(1, Math.floor(Math.min(BATCH_BYTES, segmentBytes ?? BATCH_BYTES) / eventBytes) - 1);
  let events = 0;
  while (spool.state.bytes < bytes) {
    const records = Array.from({ length: count }, () => aRecord(events++, eventBytes));
    const outcomes = await spool.append(records);
    const missing = outcomes.find(({ status }) => status !== "appended");
    if (missing) throw new Error(`not everything was stored: ${JSON.stringify(missing)}`);
  }
  await spool.close();
  return events;
}

function aRecord(number: number, sizeBytes: number): NewRecord {
  const id = `0197a2c4-5b1e-7d3a-9c4f-${number.toString(16).padStart(12, "0")}`;
  const start = `{"id":"${id}","kind":"note.taken","time":"2026-11-21T05:00:00.000Z","data":"`;
  const body = Buffer.alloc(sizeBytes, "x");
  body.write(start, 0);
  body.write('"}', sizeBytes - 2);
  const received = new Received(body);
  return { id, kindCode: CUSTOM_KIND_CODE, flags: 0, received, body };
}
