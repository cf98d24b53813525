import { expect, test } from "vitest";
import type { SyncDisk } from "../../system/sync-disk.ts";
import { proofOf } from "./discovery.ts";
import { items, openRig, problem, refusedConnection } from "./machine.test-support.ts";

test("events arrive as lines, in order, when flush resolves", async () => {
  await using rig = openRig();

  rig.emit("e-1", "e-2");
  rig.emitter.emit({ kind: "test.happened", data: "é\n" });
  await rig.emitter.flush();

  expect(rig.requests).toMatchObject([
    {
      method: "POST",
      url: "http://127.0.0.1:4747/v1/events",
      headers: { "content-type": "application/x-ndjson" },
    },
  ]);
  expect(rig.ids()).toEqual(["e-1", "e-2", expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7/)]);
  expect(rig.spillFiles()).toEqual([]);
});

test("events wait for company, but not long", async () => {
  await using rig = openRig();

  rig.emit("e-1");
  await rig.clock.advance(99);
  const early = rig.requests.length;
  await rig.clock.advance(1);

  expect(early).toBe(0);
  expect(rig.ids()).toEqual(["e-1"]);
});

test("a daemon that is down gets everything, in order, when it is back", async () => {
  await using rig = openRig();
  rig.daemon.script = refusedConnection;

  rig.emit("e-1");
  await rig.clock.advance(20_000);
  rig.emit("e-2", "e-3");
  rig.daemon.script = () => undefined;
  await rig.clock.advance(5_000);

  expect(rig.ids()).toEqual(["e-1", "e-2", "e-3"]);
  expect(rig.drops).toEqual([]);
  expect(rig.problems).toEqual([expect.stringContaining("no daemon answers (ECONNREFUSED)")]);
  expect(rig.requests.length).toBeLessThan(15);
});

test("beyond what fits each event is a drop, and the count is exact (T73)", async () => {
  await using rig = openRig({ bufferBytes: 10_000, survive: "nothing" });
  rig.daemon.script = refusedConnection;

  const ids = Array.from({ length: 1_000 }, (_, index) => `e-${index}`);
  rig.emit(...ids);
  await rig.clock.advance(1_000);
  rig.emit(...ids);
  rig.daemon.script = () => undefined;
  await rig.emitter.flush();

  const dropped = rig.drops.reduce((sum, [count]) => sum + count, 0);
  expect(rig.stored.length + dropped).toBe(2_000);
  expect(rig.stored.length).toBeGreaterThan(100);
  expect(new Set(rig.drops.map(([, reason]) => reason))).toEqual(new Set(["buffer_full"]));
});

test("one event that is refused is one drop, and what had no room is sent again after the delay", async () => {
  await using rig = openRig();
  rig.daemon.script = (lines) =>
    lines.length === 3 ? items(["rejected", "accepted", "unavailable"], { "retry-after": "7" }) : undefined;

  rig.emit("bad", "good", "later");
  await rig.clock.advance(100);
  await rig.clock.advance(6_999);
  const early = rig.requests.length;
  await rig.clock.advance(1);

  expect(rig.drops).toEqual([[1, "refused", "conflict: Another event is stored."]]);
  expect(early).toBe(1);
  expect(rig.ids()).toEqual(["later"]);
});

test("a flush does not cut short the delay that a daemon asks for, and does cut short our own", async () => {
  await using rig = openRig();
  rig.daemon.script = () => problem(503, "spool_full", { "retry-after": "7" });

  rig.emit("e-1");
  await rig.clock.advance(100);
  const flushed = rig.emitter.flush();
  await rig.clock.advance(6_999);
  const early = rig.requests.length;
  rig.daemon.script = refusedConnection;
  await rig.clock.advance(1);
  rig.daemon.script = () => undefined;
  void rig.emitter.flush();
  await flushed;

  expect(early).toBe(1);
  expect(rig.ids()).toEqual(["e-1"]);
});

test("a request that is refused as a whole is halved, until only what is bad is dropped", async () => {
  await using rig = openRig();
  rig.daemon.script = (lines) =>
    lines.some((line) => line.includes("bad")) ? problem(413, "body_too_large") : undefined;

  rig.emit("e-1", "e-2", "bad", "e-3", "e-4");
  await rig.emitter.flush();

  expect(rig.ids()).toEqual(["e-1", "e-2", "e-3", "e-4"]);
  expect(rig.drops).toEqual([[1, "refused", "body_too_large: It is body_too_large."]]);
});

test.each([
  ["a token is missing", problem(401, "unauthorized")],
  ["somebody else answers", { status: 200, body: "<html>Welcome</html>" }],
  ["a proxy redirects", { status: 302, body: "" }],
  ["not all are said to be stored", { status: 202, body: '{"accepted":0}' }],
])("nothing is dropped where %s, and a person is told", async (_case, answer) => {
  await using rig = openRig();
  rig.daemon.script = () => answer;

  rig.emit("e-1");
  await rig.clock.advance(60_000);
  rig.daemon.script = () => undefined;
  await rig.clock.advance(5_000);

  expect(rig.ids()).toEqual(["e-1"]);
  expect(rig.drops).toEqual([]);
  expect(rig.problems).toHaveLength(1);
});

test("a flush ends when its signal aborts, and what it waited for stays", async () => {
  await using rig = openRig();
  rig.daemon.script = refusedConnection;
  const abort = new AbortController();

  rig.emit("e-1");
  const flushed = rig.emitter.flush(abort.signal);
  abort.abort();
  await flushed;
  rig.daemon.script = () => undefined;
  await rig.emitter.flush();

  expect(rig.ids()).toEqual(["e-1"]);
});

test("a flush does not wait for what is emitted after it", async () => {
  await using rig = openRig();
  rig.daemon.script = (lines) => {
    if (lines[0]?.includes("e-2")) return refusedConnection();
    rig.emit("e-2");
    return undefined;
  };

  rig.emit("e-1");

  await expect(rig.emitter.flush()).resolves.toBeUndefined();
});

test('with survive: "kill" an event is in a file when emit returns, and the file is empty when it is sent', async () => {
  await using rig = openRig({ survive: "kill" });

  rig.emit("e-1", "e-2");
  const [name = ""] = rig.spillFiles();
  const spilled = rig.spilled(name);
  await rig.emitter.flush();
  await rig.clock.advance(0);

  expect(name).toMatch(/^[\da-f]{32}-1\.live\.ndjson$/);
  expect(spilled).toEqual(["e-1", "e-2"]);
  expect(rig.ids()).toEqual(["e-1", "e-2"]);
  expect(rig.spilled(name)).toEqual([]);
  await rig.emitter.close();
  expect(rig.spillFiles()).toEqual([]);
});

test("a burst larger than a file is sent from several, in order, and none is left", async () => {
  await using rig = openRig({ survive: "kill" });
  const ids = Array.from({ length: 6_000 }, (_, index) => `e-${index}`);

  for (const id of ids) rig.emitter.emit({ id, kind: "test.happened", data: "x".repeat(2_000) });
  const files = rig.spillFiles();
  await rig.emitter.flush();

  expect(files).toHaveLength(3);
  expect(rig.ids()).toEqual(ids);
  expect(Math.max(...rig.requests.map(({ body = [] }) => body.length))).toBeLessThanOrEqual(1024 * 1024);
  await rig.emitter.close();
  expect(rig.spillFiles()).toEqual([]);
});

test("an event that is larger than a request is sent alone", async () => {
  await using rig = openRig({ survive: "kill" });

  rig.emit("e-1");
  rig.emitter.emit({ id: "large", kind: "test.happened", data: "x".repeat(3_000_000) });
  rig.emit("e-2");
  await rig.emitter.flush();

  expect(rig.ids()).toEqual(["e-1", "large", "e-2"]);
});

test("behind an event of many megabytes requests are as small as ever", async () => {
  await using rig = openRig({ survive: "kill" });
  rig.daemon.script = refusedConnection;
  const half = "x".repeat(4_300_000);

  rig.emitter.emit({ id: "large", kind: "test.happened", data: [half, half] });
  for (let index = 0; index < 20; index++) {
    rig.emitter.emit({ id: `e-${index}`, kind: "test.happened", data: "x".repeat(700_000) });
  }
  rig.daemon.script = () => undefined;
  await rig.emitter.flush();

  const [first, ...others] = rig.requests.map(({ body = [] }) => body.length);
  expect(rig.drops).toEqual([]);
  expect(first).toBeLessThanOrEqual(10 * 1024 * 1024);
  expect(Math.max(...others)).toBeLessThanOrEqual(1024 * 1024);
});

test("where no file can be written events go through memory, and a person is told once", async () => {
  const readOnly = (disk: SyncDisk): SyncDisk => ({
    ...disk,
    create: () => {
      throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" });
    },
  });
  await using rig = openRig({ survive: "kill" }, readOnly);

  rig.emit("e-1", "e-2");
  await rig.emitter.flush();

  expect(rig.ids()).toEqual(["e-1", "e-2"]);
  expect(rig.problems).toEqual([expect.stringMatching(/EROFS.*memory only.*Make .*spill writable/)]);
});

test("on a full disk events go through memory until there is room, in order and without half a line", async () => {
  let room = 1_000;
  const small = (disk: SyncDisk): SyncDisk => ({
    ...disk,
    create(path) {
      const file = disk.create(path);
      return Object.assign(Object.create(file), {
        write: (bytes: Uint8Array, position: number) => {
          const count = file.write(bytes.subarray(0, room), position);
          room -= count;
          return count;
        },
        read: file.read.bind(file),
        truncate: file.truncate.bind(file),
        close: file.close.bind(file),
      });
    },
  });
  await using rig = openRig({ survive: "kill" }, small);
  rig.daemon.script = refusedConnection;
  const ids = Array.from({ length: 20 }, (_, index) => `e-${index}`);

  rig.emit(...ids);
  await rig.clock.advance(200);
  room = 1_000_000;
  const [name = ""] = rig.spillFiles();
  const spilled = rig.spilled(name);
  rig.daemon.script = () => undefined;
  await rig.emitter.flush();

  expect(spilled.length).toBeGreaterThan(3);
  expect(spilled).toEqual(ids.slice(0, spilled.length));
  expect(rig.ids()).toEqual(ids);
});

test("spill files take no more than they may, together with those of others", async () => {
  await using rig = openRig({ survive: "kill", spillBytes: 2_000, bufferBytes: 1_000 });
  rig.daemon.script = refusedConnection;

  rig.emit(...Array.from({ length: 200 }, (_, index) => `e-${index}`));
  const dropped = rig.drops.length;
  rig.daemon.script = () => undefined;
  await rig.emitter.flush();

  expect(dropped).toBeGreaterThan(100);
  expect(rig.stored.length + dropped).toBe(200);
  expect(rig.problems[0]).toMatch(/all that they may \(2000 bytes in .*spillBytes/);
});

test("what is left at the end of the process takes no more than spill files may, and the rest is told", async () => {
  await using rig = openRig({ spillBytes: 2_000 });
  rig.daemon.script = refusedConnection;

  rig.emitter.emit({ id: "e-1", kind: "test.happened", data: "x".repeat(1_500) });
  await rig.clock.advance(200);
  rig.emit("e-2");
  rig.emitter.emit({ id: "e-3", kind: "test.happened", data: "x".repeat(1_500) });
  for (const { onExit } of rig.ends) onExit();

  const [name = ""] = rig.spillFiles();
  expect(rig.spilled(name)).toEqual(["e-1"]);
  expect(rig.drops).toEqual([[2, "write_failed", "the process ended before a daemon had it"]]);
  expect(rig.problems.at(-1)).toContain("all that they may");
});

test('with survive: "crash" what was not sent is left in a file when the process ends', async () => {
  await using rig = openRig();
  rig.daemon.script = refusedConnection;

  rig.emit("e-1");
  await rig.clock.advance(200);
  rig.emit("e-2");
  for (const { onExit } of rig.ends) onExit();

  const [name = ""] = rig.spillFiles();
  expect(name).toMatch(/^[\da-f]{32}-1\.ndjson$/);
  expect(rig.spilled(name)).toEqual(["e-1", "e-2"]);
  expect(rig.drops).toEqual([]);
});

test('with survive: "nothing" what was not sent when the process ends is a drop', async () => {
  await using rig = openRig({ survive: "nothing" });

  rig.emit("e-1", "e-2");
  for (const { onExit } of rig.ends) onExit();

  expect(rig.drops).toEqual([[2, "write_failed", "the process ended before a daemon had it"]]);
  expect(rig.spillFiles()).toEqual([]);
});

test("an application that is done is held for its last events, once", async () => {
  await using rig = openRig({ survive: "nothing" });

  rig.emit("e-1");
  for (const { onIdle } of rig.ends) onIdle();
  await rig.clock.advance(0);

  expect(rig.ids()).toEqual(["e-1"]);
});

test("closing without a daemon leaves the events to the next one, at once", async () => {
  await using rig = openRig();
  rig.daemon.script = refusedConnection;

  rig.emit("e-1");
  await rig.emitter.close();
  rig.emit("late");

  const [name = ""] = rig.spillFiles();
  expect(rig.spilled(name)).toEqual(["e-1"]);
  expect(rig.drops).toEqual([[1, "closed", undefined]]);
  expect(rig.clock.timers).toBe(0);
  expect(rig.ends).toEqual([]);
});

test("closing without a daemon gives up after 5 s where nothing is left behind", async () => {
  await using rig = openRig({ survive: "nothing" });
  rig.daemon.script = refusedConnection;

  rig.emit("e-1");
  const closed = rig.emitter.close();
  await rig.clock.advance(5_000);
  await closed;

  expect(rig.drops).toEqual([[1, "write_failed", "no daemon had it when the emitter was closed"]]);
});

test("a daemon of daemon.json gets events and its token when it has proved that it is the one", async () => {
  await using rig = openRig();
  const url = "http://127.0.0.1:5000";
  announce(rig, { url, nonce: "n-1", token: "t-1" });
  rig.daemon.script = (_lines, { method, headers }) =>
    method === "GET"
      ? { status: 200, headers: { "x-sluice-proof": proofOf("n-1", headers["x-sluice-challenge"] ?? "") } }
      : undefined;

  rig.emit("e-1");
  await rig.emitter.flush();
  rig.emit("e-2");
  await rig.emitter.flush();

  expect(rig.ids()).toEqual(["e-1", "e-2"]);
  expect(rig.requests.map(({ method, url, headers }) => [method, url, headers["authorization"]])).toEqual([
    ["GET", `${url}/livez`, undefined],
    ["POST", `${url}/v1/events`, "Bearer t-1"],
    ["POST", `${url}/v1/events`, "Bearer t-1"],
  ]);
});

test("a program that took over the daemon's port gets nothing", async () => {
  await using rig = openRig();
  announce(rig, { url: "http://127.0.0.1:5000", nonce: "n-1", token: "t-1" });
  rig.daemon.script = () => ({ status: 200, headers: { "x-sluice-proof": "guess" } });

  rig.emit("e-1");
  await rig.clock.advance(10_000);

  expect(new Set(rig.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
  expect(rig.problems).toEqual([expect.stringContaining("another program answers there")]);
});

test("a unix socket is used where the application names one, or the daemon has one", async () => {
  await using named = openRig({ url: "unix:/run/sluice.sock" });
  await using found = openRig();
  announce(found, { url: "http://127.0.0.1:5000", nonce: "n-1", token: "t-1", socket: "sluice.sock" });
  found.daemon.script = (_lines, { method, headers }) =>
    method === "GET"
      ? { status: 200, headers: { "x-sluice-proof": proofOf("n-1", headers["x-sluice-challenge"] ?? "") } }
      : undefined;

  for (const rig of [named, found]) {
    rig.emit("e-1");
    await rig.emitter.flush();
  }

  expect(named.requests.map(({ socketPath }) => socketPath)).toEqual(["/run/sluice.sock"]);
  const socketPath = `${found.dataDir}/sluice.sock`;
  expect(found.requests.map(({ url, socketPath }) => [url, socketPath])).toEqual([
    ["http://localhost/livez", socketPath],
    ["http://localhost/v1/events", socketPath],
  ]);
});

test("a password in the url reaches nobody who is told of a problem", async () => {
  await using rig = openRig({ url: "https://me:hunter2@telemetry.example/in" });
  rig.daemon.script = refusedConnection;

  rig.emit("e-1");
  await rig.clock.advance(200);

  expect(rig.problems).toEqual([expect.stringContaining("looked at https://telemetry.example/in")]);
});

test.each(["ftp://host", "not a url"])("the url %s is refused at once", (url) => {
  expect(() => openRig({ url })).toThrow(TypeError);
});

function announce(
  { disk, dataDir }: ReturnType<typeof openRig>,
  discovery: Readonly<Record<"url" | "nonce" | "token", string>> & { readonly socket?: string },
): void {
  const more = { pid: 1, version: "0", bootId: "b", startedAt: "2026-11-21T05:00:00Z" };
  disk.put(`${dataDir}/daemon.json`, Buffer.from(JSON.stringify({ ...discovery, ...more })));
}
