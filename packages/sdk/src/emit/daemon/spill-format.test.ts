import { expect, test } from "vitest";
import {
  decodeSpillHeader,
  encodeDone,
  encodeSpillHeader,
  spillFileName,
  spillStateOf,
} from "./spill-format.ts";

const writer = { pid: 7, hostName: "host", startedAt: "123", bootId: "b", pidNamespace: "pid:[1]" };

test("a header says whose file it is and where its first line begins", () => {
  const header = encodeSpillHeader(writer);

  expect(decodeSpillHeader(header)).toEqual({ writer, done: header.length, sizeBytes: header.length });
});

test("what was acknowledged is marked in place", () => {
  const header = Buffer.from(encodeSpillHeader(writer));

  const { bytes, position } = encodeDone(4_194_304);
  header.set(bytes, position);

  expect(decodeSpillHeader(header)).toMatchObject({ writer, done: 4_194_304 });
});

test("a mark before the first line, as a header that was cut short leaves it, is the first line", () => {
  const header = Buffer.from(encodeSpillHeader(writer));
  const { bytes, position } = encodeDone(0);
  header.set(bytes, position);

  expect(decodeSpillHeader(header)).toMatchObject({ done: header.length });
});

test("every beginning of a header is torn, and nothing else is taken for ours", () => {
  const header = encodeSpillHeader(writer);

  for (let length = 0; length < header.length; length++) {
    expect(decodeSpillHeader(header.subarray(0, length)), `of ${length} bytes`).toBe("torn");
  }
  for (const text of ["hello", '{"kind":"test"}\n', '{"sluice":"spill","version":2,"done":"1"}\n']) {
    expect(decodeSpillHeader(Buffer.from(text)), text).toBe("foreign");
  }
  const unknown = '{"sluice":"spill","version":1,"done":"000000000000","writer":{"pid":"7"}}\n';
  expect(decodeSpillHeader(Buffer.from(unknown))).toBe("foreign");
});

test("names tell the state, and only our names are ours", () => {
  const id = "0123456789abcdef0123456789abcdef";

  expect(spillStateOf(spillFileName(id, 1, "live"))).toBe("live");
  expect(spillStateOf(spillFileName(id, 12, "left"))).toBe("left");
  for (const name of ["a.ndjson", `${id}-1.ndjson.refused`, `../${id}-1.ndjson`, `${id}-1.LIVE.ndjson`]) {
    expect(spillStateOf(name), name).toBeUndefined();
  }
});
