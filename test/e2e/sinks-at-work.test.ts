import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/index.ts";
import { eventually, House } from "./daemon.ts";

/** Each command is a process of its own. */
const PATIENCE_MS = 60_000;

let house: House;
let lunary: LunaryServer;

beforeEach(async () => {
  house = new House();
  lunary = await startLunaryServer();
});

afterEach(async () => {
  await house.close();
  await lunary.close();
});

test(
  "a wrong key that is mended by a reload costs no event and no dead letter (T53)",
  async () => {
    house.configure(lunarySink("5d1f6b7e-0000-4b18-9f60-1c7e8a9b0d12"));
    await house.start();
    const news = house.watch("tail", "--kind", "sink.health");
    await eventually(() => (news().includes("Watching") ? true : undefined), 10_000);
    await send(100);
    await eventually(
      async () => ((await house.sink("lunary")).state === "paused" ? true : undefined),
      10_000,
    );
    const test = await house.run("sinks", "test", "lunary");
    expect(test).toMatchObject({ exit: 4, stdout: expect.stringMatching(/^lunary +\S.*401/) });

    house.configure(lunarySink(LUNARY_TEST_KEY));
    const reload = await house.run("reload", "--config", house.config);

    expect(reload).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^lunary +changed\n$/) });
    await eventually(
      async () => ((await house.sink("lunary")).balance.pending === 0 ? true : undefined),
      10_000,
    );
    expect((await house.sink("lunary")).balance).toMatchObject({
      delivered: 100,
      deadLettered: 0,
      dropped: {},
    });
    expect(lunary.runs.size).toBe(100);
    expect(news()).toMatch(/ sink\.health +lunary paused: HTTP 401.*\n.*lunary healthy\n/s);
    expect(house.log).not.toContain(LUNARY_TEST_KEY);
  },
  PATIENCE_MS,
);

test(
  "stop says what is kept for a sink that is blocked, however fast the daemon ends",
  async () => {
    house.configure(lunarySink("5d1f6b7e-0000-4b18-9f60-1c7e8a9b0d12"));
    await house.start();
    await send(3);
    await eventually(
      async () => ((await house.sink("lunary")).state === "paused" ? true : undefined),
      10_000,
    );

    const stopped = await house.stop();

    expect(stopped).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/^3 events for lunary are kept/),
    });
  },
  PATIENCE_MS,
);

test(
  "SIGHUP reads the configuration again; one that is not right is said and changes nothing",
  async () => {
    house.configure('[[sinks]]\nname = "a"\ntype = "file"\n');
    await house.start();

    house.configure('[[sinks]]\nname = "a"\ntype = "fil"\n');
    process.kill(house.pid, "SIGHUP");
    await eventually(() => (house.log.includes("was not taken up") ? true : undefined), 5_000);
    const refused = await house.run("reload");
    house.configure(
      '[spool]\nkeep_for = "1h"\n[[sinks]]\nname = "b"\ntype = "file"\nparams = { path = "b.jsonl" }\n',
    );
    process.kill(house.pid, "SIGHUP");
    await eventually(async () => ((await house.sinks()).length === 2 ? true : undefined), 5_000);

    expect(refused).toMatchObject({ exit: 1, stderr: expect.stringContaining('Did you mean "file"?') });
    expect(house.log).toContain('"needRestart":["spool.keep_for"]');
    expect((await house.sink("a")).state).toBe("paused");
    await send(1);
    expect(await house.run("sinks", "forget", "b")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("422"),
    });
    expect(await house.run("sinks", "forget", "a")).toMatchObject({
      exit: 0,
      stderr: 'The sink "a" is forgotten. Events it has not got, and that are dropped: 1.\n',
    });
    expect((await house.run("sinks", "list")).stdout).toMatch(/^b \(file\) +healthy/);
    await house.stop();
    expect(await house.run("verify")).toMatchObject({ exit: 0 });
  },
  PATIENCE_MS,
);

test(
  "a replay says what it would send, sends it, and is seen until it is over",
  async () => {
    house.configure('[[sinks]]\nname = "a"\ntype = "file"\nparams = { path = "a.jsonl" }\n');
    await house.start();
    await send(50);
    await eventually(async () => ((await house.sink("a")).balance.pending === 0 ? true : undefined), 5_000);

    const plan = await house.run("replay", "a", "--from", "10", "--dry-run");
    const begun = await house.run("replay", "a", "--from", "10", "--rate", "6");
    const underWay = await house.run("replay", "list");
    await eventually(() => (house.lines("a.jsonl").length === 90 ? true : undefined), 20_000);
    const after = await eventually(async () => {
      const { stdout } = await house.run("replay", "list");
      return stdout.includes("done") ? stdout : undefined;
    }, 5_000);

    expect(plan.stdout).toMatch(/^to a, offsets 10 to 49\nsend 40 events, /);
    expect(begun).toMatchObject({ exit: 0 });
    expect(underWay.stdout).toMatch(/^a \(replay\)/);
    expect(after).toMatch(/^a +done +delivered 40 of 40$/m);
    expect(await house.run("replay", "nobody")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("sinks list"),
    });
    expect((await house.run("replay", "a", "--from", "yesterday")).exit).toBe(2);
  },
  PATIENCE_MS,
);

test(
  "dead letters are listed by cause, shown, sent again and given up",
  async () => {
    house.configure(lunarySink(LUNARY_TEST_KEY));
    await house.start();
    lunary.refuseItems(() => "Invalid run 17");
    await send(6);
    await eventually(
      async () => ((await house.sink("lunary")).balance.deadLettered === 6 ? true : undefined),
      10_000,
    );

    const list = await house.run("deadletters", "list");
    const shown = JSON.parse((await house.run("deadletters", "show", "lunary", "2")).stdout);
    lunary.refuseItems((item) => (item["runId"] === uuidOf(3) ? "Invalid run 18" : undefined));
    const retried = await house.run("deadletters", "retry", "lunary", "--all");
    const unnamed = await house.run("deadletters", "drop", "lunary");
    const dropped = await house.run("deadletters", "drop", "lunary", "3");

    expect(list.stdout).toMatch(/^lunary {2}6 × rejected: .*Invalid run 17 /);
    expect(shown).toMatchObject({
      offset: 2,
      reason: "rejected",
      event: { kind: "run.ended", runId: uuidOf(2) },
    });
    expect(retried).toMatchObject({
      exit: 4,
      stdout: expect.stringMatching(/^5 done, 1 refused\n {2}3 {2}.*Invalid run 18/),
    });
    expect(unnamed).toMatchObject({ exit: 2, stderr: expect.stringContaining("--all") });
    expect(dropped).toMatchObject({ exit: 0, stdout: "1 done, 0 refused\n" });
    expect((await house.run("deadletters", "list")).stdout).toBe("");
    expect(lunary.runs.size).toBe(5);
    await house.stop();
    expect(await house.run("verify")).toMatchObject({ exit: 0 });
  },
  PATIENCE_MS,
);

test(
  "what show prints can be edited and sent in the place of that letter, and of no other",
  async () => {
    house.configure(lunarySink(LUNARY_TEST_KEY));
    await house.start();
    lunary.refuseItems((item) => (item["event"] !== "start" || item["name"] ? undefined : "invalid name"));
    await send(2);
    await eventually(
      async () => ((await house.sink("lunary")).balance.deadLettered === 2 ? true : undefined),
      10_000,
    );
    const edited = join(house.path, "letter.json");
    const noEvent = join(house.path, "note.txt");
    const letter = JSON.parse((await house.run("deadletters", "show", "lunary", "0")).stdout);
    letter.event.run.name = "mended";
    writeFileSync(edited, JSON.stringify(letter));
    writeFileSync(noEvent, "null");
    const retry = (...words: readonly string[]) => house.run("deadletters", "retry", "lunary", ...words);

    const forTwo = await retry("0", "1", "--edit", edited);
    const forAll = await retry("--all", "--edit", edited);
    const absent = await retry("0", "--edit", join(house.path, "nowhere.json"));
    const unfit = await retry("0", "--edit", noEvent);
    const mended = await retry("0", "--edit", edited);
    const again = await retry("0");

    expect(forTwo).toMatchObject({ exit: 2, stderr: expect.stringContaining("name one offset") });
    expect(forAll.exit).toBe(2);
    expect(absent).toMatchObject({ exit: 74, stderr: expect.stringContaining("cannot be read: ENOENT") });
    expect(unfit).toMatchObject({ exit: 74, stderr: expect.stringContaining("is no event") });
    expect(mended).toMatchObject({ exit: 0, stdout: "1 done, 0 refused\n" });
    expect(again).toMatchObject({ exit: 1, stderr: expect.stringContaining("no dead letter 0") });
    expect((await house.run("deadletters", "list")).stdout).toMatch(/^lunary {2}1 × rejected/);
    expect([...lunary.runs.values()].map(({ name }) => name)).toEqual(["mended"]);
    await house.stop();
  },
  PATIENCE_MS,
);

function lunarySink(key: string): string {
  return `[[sinks]]\nname = "lunary"\ntype = "lunary"\nparams = { api_key = "${key}", endpoint = "${lunary.url}" }\n`;
}

async function send(count: number): Promise<void> {
  const run = { type: "llm", startTime: "2026-11-21T05:00:00Z", status: "ok" };
  const events = Array.from({ length: count }, (_, index) => ({
    kind: "run.ended",
    runId: uuidOf(index),
    run,
  }));
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(answer.status).toBe(202);
}

function uuidOf(index: number): string {
  return `5d1f6b7e-3c2a-4b18-9f60-${String(index).padStart(12, "0")}`;
}
