import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { keyOf, textKey, writeEventKey, writeTextKey } from "./keys.ts";

function eventKey(id: string): string {
  const bytes = new Uint8Array(20);
  writeEventKey(id, bytes, 2);
  return Buffer.from(bytes.subarray(2, 18)).toString("hex");
}

test("a lower-case UUID is its own key, and everything else is hashed", () => {
  const uuid = "0197a2c4-5b1e-7d3a-9c4f-0123456789ab";
  const others = [
    uuid.toUpperCase(),
    `${uuid} `,
    uuid.replace("a", "ä"),
    uuid.replaceAll("-", "_"),
    "",
    "x".repeat(36),
  ];

  expect(eventKey(uuid)).toBe(uuid.replaceAll("-", ""));
  for (const id of others) {
    expect(eventKey(id)).toBe(createHash("sha256").update(id).digest("hex").slice(0, 32));
  }
});

test("the key that is read back is the key of the text, and no text has key 0", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (const text of ["run", "", "0197a2c4-5b1e-7d3a-9c4f-0123456789ab", "ü€😀"]) {
    writeTextKey(text, view, 0);
    expect(keyOf(view.getUint32(0, true), view.getUint32(4, true))).toBe(textKey(text));
    expect(textKey(text)).not.toBe(0);
  }
  writeTextKey(undefined, view, 0);
  expect(view.getBigUint64(0)).toBe(0n);
});

test("keys of similar texts do not meet, and every bit is used", () => {
  const keys = new Set<number>();
  let ones = 0n;
  let zeros = 0n;
  for (let number = 0; number < 200_000; number++) {
    const key = textKey(`run-${number}`);
    keys.add(key);
    ones |= BigInt(key);
    zeros |= ~BigInt(key);
  }

  expect(keys.size).toBe(200_000);
  expect(ones).toBe(2n ** 48n - 1n);
  expect(zeros & (2n ** 48n - 1n)).toBe(2n ** 48n - 1n);
});

test("the hash is part of the file format: these values never change", () => {
  expect(["", "a", "run-1"].map(textKey)).toEqual([242683283937133, 47998453808072, 204851952962950]);
});
