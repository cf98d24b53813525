import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HttpAnswer, HttpClient, HttpRequest } from "../../system/http-client.ts";
import { ManualClock } from "../../system/manual-clock.ts";
import { MemoryDisk } from "../../system/memory-disk.ts";
import type { EndListener } from "../../system/process-end.ts";
import { systemProcessTable } from "../../system/process-table.ts";
import { seededRandom } from "../../system/random.ts";
import { type SyncDisk, systemSyncDisk } from "../../system/sync-disk.ts";
import { type DaemonEmitterOptions, type Machine, openDaemonEmitter } from "./daemon-emitter.ts";

/** What a daemon says, where it does not simply take everything. */
type Script = (lines: readonly string[], request: HttpRequest) => Partial<HttpAnswer> | Error | undefined;

/** An emitter with a daemon that keeps what it is sent, or answers as a test says, and a real directory. */
export function openRig(options: DaemonEmitterOptions = {}, wrapDisk = (disk: SyncDisk) => disk) {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-emitter-"));
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const stored: string[] = [];
  const requests: HttpRequest[] = [];
  const drops: (readonly [number, string, string | undefined])[] = [];
  const problems: string[] = [];
  const ends: EndListener[] = [];
  const daemon: { script: Script } = { script: () => undefined };
  const http: HttpClient = {
    async send(request, signal) {
      signal.throwIfAborted();
      requests.push(request);
      const lines = linesIn(Buffer.from(request.body ?? []).toString());
      const answer = daemon.script(lines, request);
      if (answer instanceof Error) throw answer;
      if (answer === undefined) stored.push(...lines);
      return { status: 202, headers: {}, body: JSON.stringify({ accepted: lines.length }), ...answer };
    },
    close: () => {},
  };
  const machine: Machine = {
    ...{ clock, disk, http, cwd: dataDir, env: {} },
    random: seededRandom(1),
    syncDisk: wrapDisk(systemSyncDisk),
    processes: systemProcessTable,
    processEnd: {
      listen(listener) {
        ends.push(listener);
        return () => void ends.splice(ends.indexOf(listener), 1);
      },
    },
  };
  const emitter = openDaemonEmitter(
    {
      dataDir,
      onDrop: (...drop) => drops.push([drop[0], drop[1], drop[2]]),
      onProblem: (problem) => problems.push(problem),
      ...options,
    },
    machine,
  );
  const spill = join(dataDir, "spill");
  return {
    ...{ emitter, clock, disk, dataDir, daemon, stored, requests, drops, problems, ends, spill },
    ids: () => stored.map((line): unknown => JSON.parse(line).id),
    emit(...ids: readonly string[]) {
      for (const id of ids) emitter.emit({ id, kind: "test.happened" });
    },
    spillFiles: () => namesIn(spill),
    /** Ids of the events in a spill file, without its header. */
    spilled: (name: string) =>
      linesIn(readFileSync(join(spill, name), "utf8"))
        .slice(1)
        .map((line): unknown => JSON.parse(line).id),
    [Symbol.asyncDispose]: async () => {
      daemon.script = () => undefined;
      await emitter.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function refusedConnection(): Error {
  return Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
}

/** An answer of one kind for the whole request. */
export function problem(status: number, code: string, headers = {}): Partial<HttpAnswer> {
  return { status, headers, body: JSON.stringify({ status, code, detail: `It is ${code}.` }) };
}

/** An answer item by item. */
export function items(statuses: readonly string[], headers = {}): Partial<HttpAnswer> {
  const list = statuses.map((status, index) => ({
    ...{ index, status },
    ...(status === "rejected" && { code: "conflict", detail: "Another event is stored." }),
  }));
  return { status: 207, headers, body: JSON.stringify({ accepted: 1, items: list }) };
}

function linesIn(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    // Nothing was ever spilled.
    return [];
  }
}
