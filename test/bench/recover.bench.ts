import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backlogs, writeBacklog } from "../chaos/storage/backlog.ts";
import type { Opening } from "../chaos/storage/open-program.ts";
import { compare, type Measurement } from "./measure.ts";

/**
 * How long a start takes that finds a full spool: 1 GiB of events of 1 KiB, 1 GiB of events of 1 MiB, and
 * 10,000 segments. The limit reads the same files, from the page cache as the spool does, and does nothing
 * with them. Each start is a process of its own, so its compiler is cold as it is in life; loading modules is
 * not counted. Processor time stands beside the time on the clock, because a start uses more than one thread
 * and a busy machine has none to spare. What a daemon makes of it stands in
 * test/chaos/storage/recovery-time.test.ts.
 */
const BYTES = 1024 ** 3;
const SEGMENTS = 10_000;
const ROUNDS = 15;

export async function* cases(): AsyncIterable<Measurement> {
  for (const backlog of backlogs(BYTES, SEGMENTS)) {
    const dataDir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    try {
      await writeBacklog(dataDir, backlog);
      const opened: Cost[] = [];
      const read: Cost[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        read.push(readAll(join(dataDir, "spool")));
        opened.push(openAlone(dataDir));
      }
      const against = (unit: string, of: (cost: Cost) => number) =>
        compare(`open with ${backlog.title}, against reading it`, unit, opened.map(of), read.map(of));
      yield against("ms", ({ ms }) => ms);
      yield against("ms of processor time", ({ cpuMs }) => cpuMs);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  }
}

interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

function openAlone(dataDir: string): Cost {
  const program = join(import.meta.dirname, "../chaos/storage/open-program.ts");
  const words = ["--conditions=sluice-source", program, dataDir];
  const opening: Opening = JSON.parse(execFileSync(process.execPath, words, { encoding: "utf8" }));
  return { ms: opening.openMs, cpuMs: opening.cpuMs };
}

/** As large as what the spool reads at a time. */
const into = Buffer.alloc(2 * 1024 * 1024);

function readAll(directory: string): Cost {
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  for (const name of readdirSync(directory)) {
    const descriptor = openSync(join(directory, name), "r");
    while (readSync(descriptor, into) > 0);
    closeSync(descriptor);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}
