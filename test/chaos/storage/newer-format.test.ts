import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { filesOf, goldenSpools } from "./golden-spools.ts";

const golden = goldenSpools().get("format-1/routes.json");
const houses: House[] = [];
afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

/** Each by the file in which a later version has left its mark. */
const NEWER: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "spool/000000000003.seg": (bytes) => {
    for (const at of [0, 512]) {
      bytes.writeUInt16LE(2, at + 10);
      bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 60)), at + 60);
    }
    return bytes;
  },
  "spool/tally": (bytes) => sealSlots(bytes, (slot) => slot.writeUInt16LE(2, 32)),
  "ledgers/hooks.ledger": (bytes) => sealSlots(bytes, (slot) => slot.writeUInt16LE(2, 64 + 4)),
  "ledgers/file.ledger": (bytes) => sealSlots(bytes, (slot) => slot.writeUInt16LE(3, 32)),
  "routes.json": newerRoutes,
  "deadletters/hooks.jsonl": (bytes) => Buffer.concat([Buffer.from('{"format":2}\n'), bytes]),
};

test.each(Object.keys(NEWER))(
  "a newer %s is refused with 78 and a sentence, and not one byte changes (P15, T65)",
  async (path) => {
    const house = aHouse(path);
    const before = contentOf(house.dataDir);

    const { exit, stderr } = await house.run("start", "--listen", "127.0.0.1:0");

    expect(stderr).toMatch(
      / was written in format [23], and this version reads up to 1\. Nothing was changed\./,
    );
    expect(stderr).toContain(join(house.dataDir, path));
    expect(exit).toBe(78);
    expect(contentOf(house.dataDir)).toEqual(before);
  },
);

test("so they are by a start in the background and by verify (P15, T65)", async () => {
  const house = aHouse("routes.json");
  const before = contentOf(house.dataDir);

  const detached = await house.run("start", "--listen", "127.0.0.1:0", "--detach");
  const verified = await house.run("verify");

  expect([detached.exit, verified.exit]).toEqual([78, 78]);
  expect(contentOf(house.dataDir)).toEqual(before);
  const what = "kinds of files of a newer format in a data dir: exit 78, bytes of the data dir changed";
  figure("P15", `${Object.keys(NEWER).length} ${what}`, 0, "0");
});

/** A house that the golden spool lies in, with one file of a later version. */
function aHouse(path: string): House {
  const house = new House();
  houses.push(house);
  if (!golden) throw new Error("the golden spool is missing");
  for (const [name, bytes] of filesOf(golden)) {
    const target = join(house.dataDir, name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, name === path ? (NEWER[path]?.(bytes) ?? bytes) : bytes);
  }
  return house;
}

/** Names, and the SHA-256 of what they hold. */
function contentOf(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(names.map((name) => [name, sumOf(join(directory, name))]));
}

function sumOf(path: string): string {
  if (statSync(path).isDirectory()) return "directory";
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

const SLOTS = 3;
const SLOT_CRC_AT = 60;

/** Changes each slot that is in use, and makes its sum right again. */
function sealSlots(bytes: Buffer, change: (slot: Buffer) => void): Buffer {
  const size = bytes.length / SLOTS;
  for (let at = 0; at < bytes.length; at += size) {
    const slot = bytes.subarray(at, at + size);
    if (slot.toString("latin1", 0, 4) !== "SLOT") continue;
    change(slot);
    const payload = slot.subarray(64, 64 + slot.readUInt32LE(4));
    slot.writeUInt32LE(crc32(payload, crc32(slot.subarray(0, SLOT_CRC_AT))), SLOT_CRC_AT);
  }
  return bytes;
}

/** The routes of a later version: the same frame, and JSON that says so. */
function newerRoutes(bytes: Buffer): Buffer {
  const head = 20;
  for (const at of [0, 64 * 1024]) {
    if (bytes.toString("latin1", at, at + 8) !== "SLSLOTS1") continue;
    const length = bytes.readUInt32LE(at + 12);
    const content = bytes.subarray(at + head, at + head + length);
    content.write(content.toString().replace('"version":1', '"version":2'));
    bytes.writeUInt32LE(crc32(content, crc32(bytes.subarray(at + 8, at + 16))), at + 16);
  }
  return bytes;
}
