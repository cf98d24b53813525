import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonStatus } from "../../packages/sluice/src/daemon/status.ts";
import { sinkNow } from "../chaos/storage/daemon-status.ts";
import { eventually, House, ROOT } from "../e2e/daemon.ts";
import { peakOf, TEXT } from "./program-client.ts";
import type { Row } from "./rows.ts";
import { ID_PREFIX, KEY, openLunaryStore } from "./stores.ts";
import type { Account, Client } from "./trial.ts";

const MANIFEST = join(ROOT, "packages/sluice/package.json");
/** A paused sink tries again after a minute: long enough for two of those. */
const PATIENCE_MS = 150_000;
/** An ingest request takes 10 MiB. */
const POSTED_EVENTS_MAX = 1_000;

/** The daemon with a lunary sink. The application only posts, and is gone when it has its answers. */
export const sluice: Client = {
  name: "sluice",
  installed: () => `sluice ${JSON.parse(readFileSync(MANIFEST, "utf8")).version}`,
  openStore: openLunaryStore,
  canBeRefused: true,
  again: "is kept once",
  run: runDaemon,
};

async function runDaemon(row: Row, url: string): Promise<Account> {
  const house = new House();
  house.configure(`
    [[sinks]]
    name = "lunary"
    type = "lunary"
    params = { api_key = "${KEY}", endpoint = "${url}", requests_per_second = 50 }
  `);
  try {
    await house.start();
    await feed(house.url, row);
    await settled(house, row);
    return {
      ...(await statusOf(house)),
      peakBytes: peakOf(readFileSync(`/proc/${house.pid}/status`, "utf8")),
    };
  } finally {
    await house.close();
  }
}

/** Posts as the row says. What a backend does is nothing that an application could see here. */
async function feed(url: string, { events, burst, pauseMs }: Row): Promise<void> {
  for (let from = 0; from < events; from += burst) {
    const runs = Array.from({ length: Math.min(burst, events - from) }, (_, index) => runAt(from + index));
    const bodies = Array.from({ length: Math.ceil(runs.length / POSTED_EVENTS_MAX) }, (_, part) =>
      JSON.stringify(runs.slice(part * POSTED_EVENTS_MAX, (part + 1) * POSTED_EVENTS_MAX)),
    );
    await Promise.all(bodies.map((body) => post(url, body)));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function post(url: string, body: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/events`, { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`the daemon answered ${answer.status}: ${await answer.text()}`);
}

function runAt(index: number): object {
  const time = new Date().toISOString();
  const request = { model: "gpt-4o", input: TEXT };
  const response = { output: TEXT };
  const usage = { input: 100, output: 100, source: "provider" };
  const run = { type: "llm", name: "gpt-4o", startTime: time, status: "ok", request, response, usage };
  return { kind: "run.ended", time, runId: ID_PREFIX + String(index).padStart(12, "0"), run };
}

/** Nothing is pending, or it waits for somebody who will not come. */
async function settled(house: House, row: Row): Promise<void> {
  const look = async () => {
    const { balance, state } = await sinkNow(house, "lunary");
    const isStuck = row.isForGood === true && state === "paused";
    return (balance.accepted >= row.events && balance.pending === 0) || isStuck ? true : undefined;
  };
  // What is still pending then is told as what it is.
  await eventually(look, PATIENCE_MS).catch(() => undefined);
}

/** As a person would see it. */
async function statusOf(house: House): Promise<Omit<Account, "peakBytes">> {
  const { stdout } = await house.run("status", "--json");
  const { sinks }: DaemonStatus = JSON.parse(stdout);
  const sink = sinks.find(({ name }) => name === "lunary");
  if (!sink) throw new Error(`no sink lunary in ${stdout}`);
  const { balance, state, reason, lastError } = sink;
  const words: string[] = [];
  if (state !== "healthy") words.push(`${state}: ${reason ?? lastError ?? ""}`);
  if (balance.pending > 0) words.push(`pending ${balance.pending}`);
  if (balance.deadLettered > 0) words.push(`dead letters ${balance.deadLettered}`);
  for (const [why, events] of Object.entries(balance.dropped)) words.push(`dropped ${events} (${why})`);
  return { words, held: balance.pending, setAside: balance.deadLettered };
}
