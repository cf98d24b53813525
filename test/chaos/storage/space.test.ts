import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { balanceHolds, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { sinksNow } from "./daemon-status.ts";
import { Source } from "./space-source.ts";
import { bytesBelow } from "./space-volume.ts";

const MIB = 1024 * 1024;
const MAX_MIB = scaled({ test: 4, chaos: 32, soak: 256 });
/** Times the limit that is sent through it. */
const TIMES = scaled({ test: 2, chaos: 3, soak: 20 });
const SEGMENT_BYTES = (MAX_MIB * MIB) / 16;
const EVENT_BYTES = scaled({ test: 60_000, chaos: 200_000, soak: 200_000 });
const SENDERS = 8;
/** The user's output is not ours to bound. */
const isOurs = (name: string) => !name.startsWith("events.jsonl");

let house: House;
let backend: Server | undefined;
afterEach(async () => {
  await house.close();
  backend?.closeAllConnections();
  backend?.close();
});

async function openBackend(status: number): Promise<string> {
  backend = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(status).end("no"));
  });
  await new Promise<void>((resolve) => backend?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
}

const lunary = (name: string, endpoint: string, more = "") => `
  [[sinks]]
  name = "${name}"
  type = "lunary"
  ${more}
  params = { api_key = "k", endpoint = "${endpoint}", requests_per_second = 500 }
`;

test(`the data directory keeps its limit with one sink down and one that refuses all, and every event is accounted for (P6, P2, T40, T44)`, async () => {
  house = new House();
  house.configure(`
    [spool]
    max_bytes = "${MAX_MIB} MiB"
    min_free = "1 MiB"

    [[sinks]]
    name = "file"
    type = "file"
    ${lunary("down", "http://127.0.0.1:9", 'backlog = { when_full = "drop_oldest" }')}
    ${lunary("refuses", await openBackend(400), 'backlog = { when_full = "drop_oldest" }')}
  `);
  const url = await house.start();
  const source = new Source("load", EVENT_BYTES);
  const wanted = Math.ceil((TIMES * MAX_MIB * MIB) / EVENT_BYTES);
  let mostBytes = 0;
  const stop = new AbortController();
  const sending = Array.from({ length: SENDERS }, () => source.sendUntil(url, stop.signal));
  await eventually(() => {
    mostBytes = Math.max(mostBytes, bytesBelow(house.dataDir, isOurs));
    return source.acknowledged.length >= wanted ? true : undefined;
  }, 240_000);
  stop.abort();
  await Promise.all(sending);
  const taken = source.acknowledged.length;
  const [file, down, refuses] = await eventually(async () => {
    const [file, down, refuses] = await sinksNow(house);
    const isOver = file?.balance.pending === 0 && refuses?.balance.dropped["deadletters_full"];
    return isOver && down ? ([file, down, refuses] as const) : undefined;
  }, 120_000);
  mostBytes = Math.max(mostBytes, bytesBelow(house.dataDir, isOurs));

  expect(mostBytes).toBeLessThanOrEqual(MAX_MIB * MIB + SEGMENT_BYTES);
  expect(mostBytes, "it was full").toBeGreaterThan(MAX_MIB * MIB * 0.7);
  for (const { name, balance } of [file, down, refuses]) expect(balanceHolds(balance), name).toBe(true);
  expect(file.balance).toMatchObject({ delivered: taken, dropped: {} });
  expect(new Set(house.lines().map(({ id }) => id))).toEqual(new Set(source.acknowledged));
  expect(down.balance).toMatchObject({ accepted: taken, delivered: 0 });
  expect(down.balance.dropped["backlog_full"]).toBeGreaterThan(0);
  expect(refuses.balance.deadLettered).toBeGreaterThan(0);
  expect(refuses.balance.dropped["deadletters_full"], "the dead letters are full").toBeGreaterThan(0);
  await house.stop();
  const verified = await house.run("verify");
  expect(verified.exit, verified.stderr).toBe(0);
  const overBytes = Math.max(0, mostBytes - MAX_MIB * MIB);
  const over = `data directory under load, MiB over max_bytes (${MAX_MIB} MiB)`;
  figure("P6", over, (overBytes / MIB).toFixed(1), `≤ ${SEGMENT_BYTES / MIB} (a segment)`);
  figure("P6", "dead letters full: events of other sinks lost", 0, "0");
}, 300_000);

test("a sink's own limit blocks by its name, and holds while the sink is away from the configuration (P6)", async () => {
  house = new House();
  const limited = 'backlog = { max_bytes = "1 MiB", when_full = "block" }';
  const file = '[[sinks]]\nname = "file"\ntype = "file"\n';
  house.configure(`${file}${lunary("down", "http://127.0.0.1:9", limited)}`);
  let url = await house.start();
  const source = new Source("limited", EVENT_BYTES);
  const refusal = await sendUntilRefused(source, url);
  expect(refusal).toMatch(/the sink \\"down\\" has \d+ bytes waiting and its limit is 1048576/);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  await house.stop();

  house.configure(file);
  url = await house.start();
  expect(await source.send(url)).toMatch(/the sink \\"down\\"/);
  await house.stop();
  house.configure(`${file}${lunary("down", "http://127.0.0.1:9", limited.replace("block", "drop_oldest"))}`);
  url = await house.start();
  const stop = new AbortController();
  const sending = Array.from({ length: SENDERS }, () => source.sendUntil(url, stop.signal));
  const before = source.acknowledged.length;
  await eventually(() => (source.acknowledged.length > before + 60 ? true : undefined), 60_000);
  stop.abort();
  await Promise.all(sending);
  // What was in flight when it had to go is dropped when its try is over.
  const [fileSink, down] = await eventually(async () => {
    const [file, down] = await sinksNow(house);
    const isOver = file?.balance.pending === 0 && (down?.balance.pending ?? 0) * EVENT_BYTES <= MIB;
    return file && down && isOver ? ([file, down] as const) : undefined;
  }, 60_000);

  expect(balanceHolds(down.balance)).toBe(true);
  expect(down.balance.dropped["backlog_full"]).toBeGreaterThan(20);
  expect(fileSink.balance.delivered).toBe(source.acknowledged.length);
  figure("P6", "a sink at its backlog.max_bytes: events of other sinks lost", 0, "0");
}, 120_000);

async function sendUntilRefused(source: Source, url: string): Promise<string> {
  for (;;) {
    const answer = await source.send(url);
    if (answer !== true) return answer;
  }
}
