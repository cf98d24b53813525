import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { type Disk, ManualClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import type { Sink } from "../define.ts";
import { createOpenFiles } from "./open-files.ts";
import { openFilePaths, userName } from "./paths.ts";
import { fileSink } from "./sink.ts";

let directory: string;
const opened: Sink[] = [];
const warnings: string[] = [];
const forever = new AbortController().signal;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-filesink-"));
});

afterEach(async () => {
  for (const sink of opened.splice(0)) await sink.close();
  warnings.length = 0;
  rmSync(directory, { recursive: true });
});

async function openSink(settings: Record<string, unknown> = {}, disk: Disk = systemDisk): Promise<Sink> {
  const context = {
    name: "file",
    clock: new ManualClock(),
    disk,
    dataDir: directory,
    warn: (message: string) => void warnings.push(message),
  };
  const sink = await fileSink.open(fileSink.options.parse(settings), context);
  opened.push(sink);
  return sink;
}

const ofUser = (id: string): Event => llmRun({ scope: { kind: "user", id } });
const text = (...path: string[]) => readFileSync(join(directory, ...path), "utf8");
const allFiles = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());

test("events stand in the file as the bytes that were spooled, in their order", async () => {
  const sink = await openSink();
  const batch = [
    { ...outgoing(llmRun()), raw: Buffer.from('{"a":12345678901234567890}') },
    { ...outgoing(llmRun()), raw: Buffer.from('{"b":\n1.50}') },
  ];

  expect(await sink.send(batch, forever)).toEqual({ status: "delivered" });
  expect(text("events.jsonl")).toBe('{"a":12345678901234567890}\n{"b": 1.50}\n');
});

test.each([
  ["../../etc/cron.d/x", /^etc-cron-d-x-[0-9a-f]{16}$/],
  ["..", /^user-[0-9a-f]{16}$/],
  ["\0CON%2e%2e", /^con-2e-2e-[0-9a-f]{16}$/],
  ["🧵", /^user-[0-9a-f]{16}$/],
  ["Ännä@Example.COM", /^a-nna-example-com-[0-9a-f]{16}$|^anna-example-com-[0-9a-f]{16}$/],
  ["x".repeat(4_096), /^x{40}-[0-9a-f]{16}$/],
])("a user's name is plain whatever the id is (%j) (S20)", (id, expected) => {
  expect(userName({ kind: "user", id })).toMatch(expected);
});

test("ids that differ only in case have files of their own, and nobody's events go to system", async () => {
  const sink = await openSink({ path: "logs/{scope}/{user}.jsonl" });

  await sink.send(
    ["A", "a", "../a"].map((id) => outgoing(ofUser(id))),
    forever,
  );
  await sink.send([outgoing(llmRun({ scope: { kind: "system" } })), outgoing(llmRun())], forever);

  expect(readdirSync(join(directory, "logs", "user")).length).toBe(3);
  expect(text("logs", "system", "system.jsonl").split("\n").length).toBe(3);
  expect(allFiles().every((file) => file.parentPath.startsWith(join(directory, "logs")))).toBe(true);
  expect(statSync(join(directory, "logs", "user")).mode & 0o777).toBe(0o700);
});

test("past the limit new users share the overflow file, also after a restart, and that is said once (S21)", async () => {
  const disk: Disk = {
    ...systemDisk,
    list: async (path) =>
      path.endsWith("logs")
        ? Array.from({ length: 9_999 }, (_, n) => `u-${String(n).padStart(16, "0")}.jsonl`)
        : [],
  };
  const paths = await openFilePaths(
    disk,
    "logs/{user}.jsonl",
    directory,
    (message) => void warnings.push(message),
  );
  const known = paths.pathOf(ofUser("the last one"));

  expect(known).not.toContain("overflow");
  expect(paths.pathOf(ofUser("one too many"))).toBe(join(directory, "logs", "overflow.jsonl"));
  expect(paths.pathOf(ofUser("two too many"))).toBe(join(directory, "logs", "overflow.jsonl"));
  expect(paths.pathOf(ofUser("the last one"))).toBe(known);
  expect(warnings.length).toBe(1);
});

test("the files that were not used for longest are closed, and none is lost by it (S21)", async () => {
  let openNow = 0;
  let openMost = 0;
  const disk: Disk = {
    ...systemDisk,
    async open(path, mode) {
      const file = await systemDisk.open(path, mode);
      if (mode !== "append") return file;
      openMost = Math.max(openMost, ++openNow);
      return {
        write: (bytes, position) => file.write(bytes, position),
        read: (into, position) => file.read(into, position),
        sync: () => file.sync(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        stat: () => file.stat(),
        close: () => {
          openNow--;
          return file.close();
        },
      };
    },
  };
  const sink = await openSink({ path: "{user}.jsonl" }, disk);
  const batch = Array.from({ length: 300 }, (_, n) => outgoing(ofUser(`user ${n}`)));

  expect(await sink.send(batch, forever)).toEqual({ status: "delivered" });
  expect(await sink.send(batch, forever)).toEqual({ status: "delivered" });

  expect(openMost).toBeLessThanOrEqual(257);
  expect(allFiles().length).toBe(300);
  await sink.close();
  expect(openNow).toBe(0);
});

test("the open files stay within their number", async () => {
  const files = createOpenFiles(
    {
      format: { terminator: "\n", starts: "{", isWhole: () => true },
      disk: systemDisk,
      clock: new ManualClock(),
    },
    2,
  );
  const first = await files.get(join(directory, "1"));
  await files.get(join(directory, "2"));
  await files.get(join(directory, "1"));
  await files.get(join(directory, "3"));

  expect(await files.get(join(directory, "1"))).toBe(first);
  await files.close();
});

test("the bracketed log skips what has no form in it", async () => {
  const sink = await openSink({ path: "events.log", format: "bracketed" });
  const custom: Event = { id: "c", kind: "order.placed", time: "2026-01-01T00:00:00Z" };

  expect(await sink.send([outgoing(llmRun()), outgoing(custom)], forever)).toEqual({
    status: "mixed",
    each: [{ status: "delivered" }, { status: "skipped", reason: "no_bracketed_form" }],
  });
  expect(text("events.log")).toMatch(
    /^\[2026-01-01 00:00:01\] \[EVENT: GENERATION_SUCCESS\]\n\{\n {2}"event_type"[\s\S]*\n\}\n\n$/,
  );
});

test("a full disk is a retry that names it, and costs nothing", async () => {
  let hasRoom = false;
  const disk: Disk = {
    ...systemDisk,
    async open(path, mode) {
      const file = await systemDisk.open(path, mode);
      const write = file.write.bind(file);
      file.write = (bytes, position) => {
        if (hasRoom) return write(bytes, position);
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      };
      return file;
    },
  };
  const sink = await openSink({}, disk);
  const batch = [outgoing(llmRun())];

  const full = await sink.send(batch, forever);
  hasRoom = true;

  expect(full).toEqual({ status: "retry", reason: "no space left on device (ENOSPC)" });
  expect(await sink.send(batch, forever)).toEqual({ status: "delivered" });
  expect(text("events.jsonl").split("\n").length).toBe(2);
});

test("a path that somebody has to mend blocks", async () => {
  writeFileSync(join(directory, "taken"), "");
  const sink = await openSink({ path: "taken/events.jsonl" });

  expect(await sink.send([outgoing(llmRun())], forever)).toMatchObject({
    status: "blocked",
    reason: expect.stringMatching(/ENOTDIR|EEXIST/),
  });
});

test("a disk that hangs does not hold the sink past its signal", async () => {
  const never = new Promise<never>(() => undefined);
  const sink = await openSink({}, { ...systemDisk, makeDirectory: () => never });
  opened.length = 0;
  const controller = new AbortController();

  const sending = sink.send([outgoing(llmRun())], controller.signal);
  controller.abort();

  expect((await sending).status).toBe("retry");
});

test.each(["", "a\0b", "{run}.jsonl", "../{user}.jsonl", "{user}/../x"])("a path is refused: %j", (path) => {
  expect(fileSink.options.safeParse({ path }).success).toBe(false);
});
