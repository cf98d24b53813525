import { type Clock, codeOf, type Disk } from "@sluice/sdk/internal";
import { FLAG_SET_ASIDE, type ReadLimit, type Spool, type SpoolRecord } from "../../spool/spool.ts";
import { type LastWordsFile, openLastWords } from "./last-words.ts";
import { openSetAside, type SetAside } from "./set-aside.ts";
import { SetAsideRecord, Watch, WatchedRecord } from "./watched-record.ts";

/**
 * Against a record that ends the process that reads it: such a data directory would never start again.
 *
 *   in order ──a process ends without closing──▶ watched: the next one notes the offset of every record from
 *       before its start that it decodes. What is appended later was alive a moment ago, and costs nothing.
 *   watched ──the process ends while a record is noted──▶ that record is a suspect of the next start
 *   suspect ──tried apart, and the trial ends as well──▶ set aside
 *   suspect ──tried apart without harm──▶ served, watched; set aside if two more processes end at it
 *
 * So a record that ends the process twice is set aside at the third start, and a kill by chance while some
 * record was being read costs one trial and blames nobody. Set aside means: its bytes lie in `quarantine/`,
 * every route settles it as dropped{quarantined}, and it stays so over restarts. Without a trial (an embedded
 * pipeline) the second end at the same record decides.
 */
export interface GuardOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly dataDir: string;
  /** An id of this run of the machine. Marks of another one count for nothing. */
  readonly machineRun?: string | undefined;
  /** Reads a record apart from this process. "unknown" if that could not be done. */
  readonly tryRecord?: ((body: Uint8Array) => Promise<Trial>) | undefined;
  warn(message: string): void;
}

export type Trial = "survived" | "ended" | "unknown";

export interface Guard {
  /** The spool for everybody who decodes. */
  readonly spool: Spool;
  /** An end in order. */
  close(): Promise<void>;
}

/** A read waits for a record; one that was damaged meanwhile, with none behind it, never comes. */
const READ_MS_MAX = 2_000;
/** Ends of the process in a row at one record that speak against it, though it did no harm in its trial. */
const DEATHS_MAX: Readonly<Record<Trial, number>> = { ended: 1, unknown: 2, survived: 3 };

/** Settles what the last process left, before anybody reads. Rejects only if the spool cannot be read. */
export async function openGuard(options: GuardOptions): Promise<Guard> {
  const { disk, dataDir, spool, machineRun } = options;
  const words = await openLastWords(disk, `${dataDir}/suspect`, machineRun);
  const setAside = await openSetAside(disk, dataDir, spool.state.firstOffset);
  await judge(options, words, setAside);
  const watchedBelow = words.found.isUnclean ? spool.state.nextOffset : 0;
  return {
    spool: guarded(spool, setAside, watchedBelow, new Watch(words)),
    async close() {
      await words.close();
      await setAside.close();
    },
  };
}

async function judge(options: GuardOptions, words: LastWordsFile, setAside: SetAside): Promise<void> {
  const { spool, tryRecord, warn } = options;
  const { marked, blamed, deaths: before } = words.found;
  const { firstOffset, nextOffset } = spool.state;
  const isThere = marked !== undefined && marked >= firstOffset && marked < nextOffset;
  if (!isThere) {
    words.begin(blamed, before);
    return;
  }
  const deaths = marked === blamed ? before + 1 : 1;
  // Before the trial, so that its count outlives a kill in the middle of it.
  words.begin(marked, deaths);
  const record = await readOne(options, marked);
  if (!record || setAside.has(record)) return;
  const trial = (await tryRecord?.(record.body)) ?? "unknown";
  if (deaths < DEATHS_MAX[trial]) return;
  await keepBytes(options, record);
  await setAside.add(record).catch((error: unknown) => {
    warn(`The record at offset ${marked} is set aside, but not for longer than this run: ${String(error)}`);
  });
  words.begin(undefined, 0);
  warn(
    `The record at offset ${marked} ended this process ${deaths === 1 ? "" : `${deaths} times `}while it was ` +
      `read, and is set aside: its bytes are in quarantine/${nameOf(marked)}, and no sink gets it.`,
  );
}

async function readOne(
  { spool, partition, clock }: GuardOptions,
  offset: number,
): Promise<SpoolRecord | undefined> {
  const late = new AbortController();
  const timer = clock.after(READ_MS_MAX, () => late.abort());
  const [record] = await spool.read(partition, offset, { records: 1, bytes: 1 }, late.signal);
  timer.cancel();
  return record?.offset === offset ? record : undefined;
}

/** Evidence, not data: the record stays in its segment until that is trimmed. */
async function keepBytes(
  { disk, dataDir, warn }: GuardOptions,
  { offset, body }: SpoolRecord,
): Promise<void> {
  const path = `${dataDir}/quarantine/${nameOf(offset)}`;
  try {
    await disk.makeDirectory(`${dataDir}/quarantine`);
    const file = await disk.open(path, "write");
    try {
      file.write(body, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    warn(`The bytes of the record at offset ${offset} cannot be kept in ${path}: ${String(error)}`);
  }
}

function nameOf(offset: number): string {
  return `record-${offset}.json`;
}

function guarded(spool: Spool, setAside: SetAside, watchedBelow: number, watch: Watch): Spool {
  return {
    get state() {
      return spool.state;
    },
    layout: spool.layout,
    async read(partition: number, from: number, limit: ReadLimit, signal: AbortSignal) {
      const records = await spool.read(partition, from, limit, signal);
      if (from >= watchedBelow && setAside.size === 0) return records;
      return records.map((record) => {
        if (setAside.has(record)) return new SetAsideRecord(record.offset, FLAG_SET_ASIDE);
        return record.offset < watchedBelow ? new WatchedRecord(record, watch) : record;
      });
    },
    append: (records, signal, durability) => spool.append(records, signal, durability),
    lease: (route, partition) => spool.lease(route, partition),
    commit: (lease, ledger, durable) => spool.commit(lease, ledger, durable),
    trim: (partition, before) => spool.trim(partition, before),
    close: () => spool.close(),
  };
}
