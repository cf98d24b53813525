import { randomUUID } from "node:crypto";
import {
  type DiskCall,
  type Fault,
  faultyDisk,
  ManualClock,
  MemoryDisk,
  type Random,
  seededRandom,
} from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import type { FileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { AppendOutcome, Durability, NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { aRecord, openTestSpool, readAll } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled, seed } from "../scale.ts";
import { sinkNow } from "./daemon-status.ts";

const RUNS = scaled({ test: 25, chaos: 600, soak: 20_000 });
const KILLS = scaled({ test: 1, chaos: 20, soak: 300 });
const STEPS = 25;
const KILLS_PER_CALL = 0.015;

/** What callers were told, and when it could still be lost. */
class Told {
  readonly #ids = new Map<number, string>();
  /** By offset: those that only a power cut may take, as long as they are not synced. */
  readonly os = new Set<number>();

  take(records: readonly NewRecord[], outcomes: readonly AppendOutcome[], durability: Durability): void {
    for (const [index, outcome] of outcomes.entries()) {
      const id = records[index]?.id ?? "";
      if (outcome.status !== "appended" && outcome.status !== "duplicate") continue;
      const before = this.#ids.get(outcome.offset);
      expect(before ?? id, `offset ${outcome.offset} was given twice`).toBe(id);
      this.#ids.set(outcome.offset, id);
      if (durability === "disk") this.os.delete(outcome.offset);
      else if (outcome.status === "appended") this.os.add(outcome.offset);
    }
  }

  get all(): ReadonlyMap<number, string> {
    return this.#ids;
  }

  forget(offset: number): void {
    this.#ids.delete(offset);
    this.os.delete(offset);
  }
}

/** What a kill leaves, and what callers had been told by then. */
interface Killed {
  readonly memory: MemoryDisk;
  readonly acknowledged: readonly (readonly [offset: number, id: string])[];
}

interface Run {
  readonly memory: MemoryDisk;
  readonly random: Random;
  readonly told: Told;
  number: number;
  lostToPower: number;
}

test(`what was acknowledged survives kills, and power cuts as far as was said, whatever the disk does (P1, P7, seed ${seed})`, async () => {
  let kills = 0;
  let cuts = 0;
  let lost = 0;
  for (let index = 0; index < RUNS; index++) {
    const random = seededRandom(seed + index);
    const run: Run = { memory: new MemoryDisk(), random, told: new Told(), number: 0, lostToPower: 0 };
    for (let life = 0; life < 3; life++) {
      kills += await live(run);
      cuts++;
    }
    lost += run.lostToPower;
  }

  expect(lost).toBeGreaterThan(0); // A battery of which no cut takes anything proves nothing.
  figure(
    "P1",
    "power cuts and kills of random appends on a failing disk: events lost that were on the disk",
    0,
    "0",
  );
  figure("P1", "the same: states of killed processes with anything missing", `0 of ${kills}`, "0");
  figure("P1", "the same: power cuts that took an os event that was synced", `0 of ${cuts}`, "0");
}, 3_600_000);

/** From an open to a power cut. Between any two calls to the disk there may be a look at what a kill would leave. */
async function live(run: Run): Promise<number> {
  const { memory, random, told } = run;
  const clock = new ManualClock();
  const failing: { fault: (call: DiskCall) => Fault | undefined } = { fault: () => undefined };
  const kills: Killed[] = [];
  const kill = () => kills.push({ memory: memory.copy(), acknowledged: [...told.all] });
  const disk = faultyDisk(memory, (call) => {
    if (random.fraction() < KILLS_PER_CALL) kill();
    return failing.fault(call);
  });
  const spool = await openTestSpool(disk, { clock });
  const appends: Promise<void>[] = [];
  for (let step = 0; step < STEPS; step++) {
    const draw = random.fraction();
    if (draw < 0.55) appends.push(append(run, spool));
    else if (draw < 0.75) await clock.advance(random.fraction() < 0.5 ? 50 : 1_000);
    else if (draw < 0.87) failing.fault = aFault(random);
    else if (draw < 0.93) failing.fault = () => undefined;
    else await Promise.all(appends.splice(0));
  }
  await Promise.all(appends);
  kill();
  for (const killed of kills) await afterKill(killed);
  await afterPowerCut(run, spool);
  return kills.length;
}

async function append(run: Run, spool: FileSpool): Promise<void> {
  const { random, told } = run;
  const durability = random.fraction() < 0.7 ? "os" : "disk";
  const count = 1 + Math.floor(random.fraction() * 4);
  // Sometimes something that was sent before.
  const from = random.fraction() < 0.2 ? Math.max(0, run.number - 3) : run.number;
  run.number = Math.max(run.number, from + count);
  const records = Array.from({ length: count }, (_, index) => numbered(from + index));
  told.take(records, await spool.append(records, undefined, durability), durability);
}

/** The same number gives the same bytes whenever it is sent; some fill a third of a segment. */
function numbered(number: number): NewRecord {
  const record = aRecord(number);
  if (number % 9 !== 0) return record;
  return aRecord(number, { body: Buffer.concat([record.body, Buffer.alloc(20_000, 0x20)]) });
}

function aFault(random: Random): (call: DiskCall) => Fault | undefined {
  const operation = (["sync", "sync", "write", "rename", "open", "truncate"] as const)[
    Math.floor(random.fraction() * 6)
  ];
  const code = random.fraction() < 0.3 ? "ENOSPC" : "EIO";
  const share = random.fraction() < 0.5 ? 1 : 0.4;
  return (call) =>
    call.operation === operation && call.path.includes("/spool/") && random.fraction() < share
      ? { code }
      : undefined;
}

/** The process is gone, what it wrote is not. */
async function afterKill({ memory, acknowledged }: Killed): Promise<void> {
  const reopened = await openTestSpool(memory);
  const found = await contentOf(reopened);
  for (const [offset, id] of acknowledged)
    expect(found.get(offset), `offset ${offset} after a kill`).toBe(id);
  await reopened.close();
}

async function afterPowerCut(run: Run, spool: FileSpool): Promise<void> {
  const { memory, random, told } = run;
  const { nextOffset, unsynced } = spool.state;
  memory.crash(random.fraction() < 0.5 ? random : undefined);
  const reopened = await openTestSpool(memory);
  const found = await contentOf(reopened);
  let lost = 0;
  for (const [offset, id] of [...told.all]) {
    if (found.get(offset) === id) {
      told.os.delete(offset);
      continue;
    }
    expect(told.os.has(offset) && offset >= nextOffset, `offset ${offset} after a power cut`).toBe(true);
    told.forget(offset);
    lost++;
  }
  expect(lost).toBeLessThanOrEqual(unsynced);
  run.lostToPower += lost;
  await reopened.close();
}

async function contentOf(spool: FileSpool): Promise<ReadonlyMap<number, string>> {
  return new Map((await readAll(spool)).map(({ offset, event }) => [offset, event.id]));
}

test("what a source has acknowledged as os is there after SIGKILL, every time (P1, T01)", async () => {
  const house = new House();
  house.configure('[ingest]\ndurability = "os"\n\n[[sinks]]\nname = "log"\ntype = "file"\n');
  const acknowledged: string[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await house.start();
      const posts = Array.from({ length: 30 }, async () => {
        const ids = Array.from({ length: 20 }, () => randomUUID());
        const answer = await post(house, ids).catch(() => undefined);
        if (answer === undefined) return;
        expect(answer).toEqual({ accepted: 20, durability: "os" });
        acknowledged.push(...ids);
      });
      // At once after the last answer, or in the middle of them.
      await (kill % 2 === 0 ? Promise.all(posts) : Promise.race(posts));
      await house.kill();
      await Promise.all(posts);
    }
    await house.start();
    await eventually(async () => ((await sinkNow(house, "log")).lag === 0 ? true : undefined), 20_000);
    await house.stop();

    const delivered = new Set(house.lines().map(({ id }) => id));
    expect(acknowledged.length).toBeGreaterThan(KILLS * 20);
    expect(acknowledged.filter((id) => !delivered.has(id))).toEqual([]);
    expect((await house.run("verify")).exit).toBe(0);
    figure(
      "P1",
      `events acknowledged as os that ${KILLS} SIGKILLs have cost`,
      `0 of ${acknowledged.length}`,
      "0",
    );
  } finally {
    await house.close();
  }
}, 600_000);

async function post(house: House, ids: readonly string[]): Promise<unknown> {
  const body = ids.map((id) => JSON.stringify({ id, kind: "note.taken", data: { text: "x".repeat(500) } }));
  const response = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: body.join("\n"),
  });
  return response.json();
}
