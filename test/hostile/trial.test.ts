import { expect, test } from "vitest";
import { hostilePage } from "./page.ts";
import { ROWS, type Row } from "./rows.ts";
import { ID_PREFIX, openLangfuseStore } from "./stores.ts";
import { type Account, type Client, isSilent, tryRow } from "./trial.ts";

/** What a client that believes in everything delivers, and says nothing of the rest. */
test.each([
  ["well", 200, 0],
  ["500-2", 160, 40],
  ["500-8", 40, 160],
  ["429", 160, 40],
  ["401", 160, 40],
  ["401-ever", 0, 200],
  ["413", 0, 200],
  ["refused", 100, 100],
  ["reset", 160, 40],
  ["unanswered", 200, 0],
  ["lie", 160, 40],
  ["burst", 10_000, 0],
])(
  "where the backend is %s, a careless client delivers %i and loses %i in silence",
  async (name, delivered, lost) => {
    const outcome = await tryRow(rowOf(name), careless);

    expect(outcome).toMatchObject({ delivered, lost, again: 0, held: 0, setAside: 0 });
    expect(outcome && isSilent(outcome)).toBe(lost > 0);
  },
);

test("a backend that is down takes nothing from who comes once", async () => {
  const outcome = await tryRow({ ...rowOf("down"), downMs: 60_000 }, careless);

  expect(outcome).toMatchObject({ delivered: 0, lost: 200 });
});

test.each([
  ["500-8", 200, 0],
  ["429", 200, 0],
  ["413", 200, 0],
  ["reset", 200, 0],
  ["unanswered", 200, 40],
  ["lie", 200, 0],
])(
  "where the backend is %s, a stubborn client delivers %i, %i of them twice",
  async (name, delivered, again) => {
    const outcome = await tryRow(rowOf(name), stubborn);

    expect(outcome).toMatchObject({ delivered, again, lost: 0, setAside: 0 });
  },
);

test("a door that was shut opens", async () => {
  const outcome = await tryRow({ ...rowOf("down"), downMs: 100 }, stubborn);

  expect(outcome).toMatchObject({ delivered: 200, lost: 0, again: 0 });
});

test("what the backend refused and the client set aside is not lost", async () => {
  const outcome = await tryRow(rowOf("refused"), stubborn);

  expect(outcome).toMatchObject({ delivered: 100, setAside: 100, lost: 0, again: 0 });
});

test("a row that a client's backend has no answer for is left out", async () => {
  const outcome = await tryRow(rowOf("refused"), { ...careless, canBeRefused: false });

  expect(outcome).toBeUndefined();
});

test("the page tells a silent loss from one that was told", async () => {
  const row = rowOf("500-2");
  const wordy: Client = {
    ...careless,
    name: "wordy",
    run: async (...given) => ({ ...(await careless.run(...given)), words: ["500"] }),
  };
  const outcomes = await Promise.all([careless, wordy].map((client) => tryRow(row, client)));
  const trials = [careless, wordy].map((client, index) => ({ row, client, outcome: outcomes[index] }));

  const page = hostilePage([row], [careless, wordy], trials);

  expect(page).toContain(`| ${row.title} | 160, **40 lost silently** | 160, 40 lost, 1 line |`);
});

/** Everything once, and whatever the answer. */
const careless: Client = {
  name: "careless",
  installed: () => "careless 1.0.0",
  openStore: openLangfuseStore,
  canBeRefused: true,
  again: "is kept once",
  async run(row, url) {
    for (const batch of batchesOf(row)) await post(url, batch).catch(() => undefined);
    return { ...NOTHING_LEFT };
  },
};

/** As often as it takes: halves what is too large, and believes only in results. */
const stubborn: Client = {
  ...careless,
  name: "stubborn",
  async run(row, url) {
    let setAside = 0;
    for (const batch of batchesOf(row)) setAside += await deliver(url, batch);
    return { ...NOTHING_LEFT, setAside, words: ["set aside"] };
  },
};

const NOTHING_LEFT: Account = { words: [], held: 0, setAside: 0, peakBytes: undefined };
const BATCH = 20;
const TEXT = "x".repeat(600);

/** Resolves to how many were refused for good. */
async function deliver(url: string, batch: readonly object[]): Promise<number> {
  for (;;) {
    const answer = await post(url, batch).catch(() => undefined);
    if (answer?.status === 413) {
      const middle = Math.ceil(batch.length / 2);
      return (await deliver(url, batch.slice(0, middle))) + (await deliver(url, batch.slice(middle)));
    }
    const results = answer?.status === 207 ? JSON.parse(answer.body) : undefined;
    if (results) return results.errors.length;
  }
}

async function post(url: string, batch: readonly object[]): Promise<{ status: number; body: string }> {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ batch }) });
  return { status: answer.status, body: await answer.text() };
}

function batchesOf({ events }: Row): readonly (readonly object[])[] {
  const all = Array.from({ length: events }, (_, index) => ({
    id: ID_PREFIX + String(index).padStart(12, "0"),
    text: TEXT,
  }));
  return Array.from({ length: Math.ceil(events / BATCH) }, (_, part) =>
    all.slice(part * BATCH, (part + 1) * BATCH),
  );
}

function rowOf(name: string): Row {
  const found = ROWS.find((row) => row.name === name);
  if (!found) throw new Error(`there is no row ${name}`);
  return found;
}
