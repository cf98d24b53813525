import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backlogs, writeBacklog } from "../chaos/storage/backlog.ts";
import type { Opening } from "../chaos/storage/open-program.ts";
import { compare, type Measurement } from "./measure.ts";

/**
 * How long a start takes that finds a full spool: 1 GiB of events of 1 KiB, 1 GiB of events of 1 MiB, and
 * 10,000 segments. The limit reads the same files, from the page cache as the spool does, and does nothing
 * with them. Each start is a process of its own, so its compiler is cold as it is in life; loading modules is
 * not counted. What a daemon makes of it stands in test/chaos/storage/recovery-time.test.ts.
 */
const BYTES = 1024 ** 3;
const SEGMENTS = 10_000;
const ROUNDS = 15;

export async function* cases(): AsyncIterable<Measurement> {
  for (const backlog of backlogs(BYTES, SEGMENTS)) {
    const dataDir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    try {
      await writeBacklog(dataDir, backlog);
      const open: number[] = [];
      const read: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        read.push(readAll(join(dataDir, "spool")));
        open.push(openAlone(dataDir).openMs);
      }
      yield compare(`open with ${backlog.title}, against reading it`, "ms", open, read);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  }
}

function openAlone(dataDir: string): Opening {
  const program = join(import.meta.dirname, "../chaos/storage/open-program.ts");
  const words = ["--conditions=sluice-source", program, dataDir];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: "utf8" }));
}

function readAll(directory: string): number {
  const start = performance.now();
  for (const name of readdirSync(directory)) readFileSync(join(directory, name));
  return performance.now() - start;
}
