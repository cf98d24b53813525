import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KIND_CODES } from "@sluice/sdk";
import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { openPipeline, type Pipeline, type PipelineSink } from "./pipeline.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { Received } from "./spool/received.ts";
import type { NewRecord } from "./spool/spool.ts";
import { LUNARY_TEST_KEY, startLunaryServer } from "./testing/lunary-server.ts";
import { llmRun } from "./testing/outgoing.ts";
import { someRecords } from "./testing/spool-fixture.ts";
import { openVerification } from "./verify.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-verify-"));
  directories.push(directory);
  return directory;
}

function fileSink(enabled: boolean): PipelineSink {
  return { name: "file", type: "file", enabled, params: sinkOfType("file")?.options.parse({}) ?? {} };
}

function open(dataDir: string, sinks: readonly PipelineSink[]): Promise<Pipeline> {
  return openPipeline({
    dataDir,
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
  });
}

/** A data directory after twenty events were delivered, or kept for a sink that is switched off. */
async function aDataDir(isDelivered: boolean): Promise<string> {
  const dataDir = temporary();
  const pipeline = await open(dataDir, [fileSink(isDelivered)]);
  await pipeline.intake.append(someRecords(0, 20));
  await pipeline.drain(5_000);
  await pipeline.close();
  return dataDir;
}

const verify = (dataDir: string) => openVerification({ dataDir, disk: systemDisk });

test("a data directory that was left in order is good, and says where every event is", async () => {
  const result = await verify(await aDataDir(true));

  expect(result).toMatchObject({ isGood: true, problems: [], records: 20 });
  expect(result.sinks.find(({ name }) => name === "file")?.balance).toMatchObject({
    accepted: 20,
    delivered: 20,
  });
});

test("what waits for a sink that is switched off is pending, and good", async () => {
  const result = await verify(await aDataDir(false));

  expect(result.isGood).toBe(true);
  expect(result.sinks.find(({ name }) => name === "file")?.balance).toMatchObject({
    accepted: 20,
    pending: 20,
  });
});

test("verifying changes nothing", async () => {
  const dataDir = await aDataDir(true);
  const before = contentOf(dataDir);

  await verify(dataDir);

  expect(contentOf(dataDir)).toEqual(before);
});

test("a pipeline at work is verified beside it", async () => {
  const dataDir = temporary();
  const pipeline = await open(dataDir, [fileSink(true)]);
  await pipeline.intake.append(someRecords(0, 5));

  const result = await verify(dataDir);

  expect(result).toMatchObject({ isGood: true, records: 5 });
  await pipeline.close();
});

test("a spool that is gone while its routes are there is not good", async () => {
  const dataDir = await aDataDir(true);
  rmSync(join(dataDir, "spool"), { recursive: true });

  const result = await verify(dataDir);

  expect(result.isGood).toBe(false);
  expect(result.problems[0]).toContain("no spool");
});

test("a ledger that cannot be believed is named, with what it means", async () => {
  const dataDir = await aDataDir(true);
  rmSync(join(dataDir, "ledgers", "file.ledger"));
  cpSync(join(dataDir, "ledgers", "assembler.ledger"), join(dataDir, "ledgers", "file.ledger"));

  const result = await verify(dataDir);

  expect(result.problems).toEqual([
    "file: its ledger cannot be believed; it will start at offset 0 again, and send some events twice.",
  ]);
});

test("dead letters that are counted and cannot be shown are not good", async () => {
  const lunary = await startLunaryServer();
  lunary.refuseItems(() => "Invalid run");
  const dataDir = temporary();
  const params = { api_key: LUNARY_TEST_KEY, endpoint: lunary.endpoint, requests_per_second: 100 };
  const pipeline = await open(dataDir, [
    {
      name: "lunary",
      type: "lunary",
      enabled: true,
      params: sinkOfType("lunary")?.options.parse(params) ?? {},
    },
  ]);
  await pipeline.intake.append([aRun()]);
  await pipeline.drain(5_000);
  await pipeline.close();
  await lunary.close();
  const shown = await verify(dataDir);
  rmSync(join(dataDir, "deadletters", "lunary.jsonl"));

  const result = await verify(dataDir);

  expect(shown.isGood).toBe(true);
  expect(result.problems).toEqual(["lunary: 1 dead letters are counted, and 0 are on disk."]);
});

test("a directory without a spool is not good, it is an error", async () => {
  await expect(verify(temporary())).rejects.toMatchObject({ code: "SPOOL_ABSENT", exit: 74 });
});

test("a directory that cannot be read is an error with a sentence, and no bug", async () => {
  const dataDir = temporary();
  // Listing a file fails for every user, root as well.
  writeFileSync(join(dataDir, "ledgers"), "");

  await expect(verify(dataDir)).rejects.toMatchObject({ code: "DATA_DIR_UNREADABLE", exit: 77 });
});

/** A whole run, as a record. */
function aRun(): NewRecord {
  const event = llmRun();
  const received = new Received(Buffer.from(JSON.stringify(event)));
  return { id: event.id, kindCode: KIND_CODES["run.ended"], flags: 0, received, body: received.bytes };
}

function contentOf(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path, name === "owner.db" ? "" : readFileSync(path, "base64")];
    }),
  );
}
