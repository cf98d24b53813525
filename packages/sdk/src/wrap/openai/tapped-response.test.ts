import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BodyEnd, tapResponse } from "./tapped-response.ts";

type Kind = "bytes" | "plain";

/** A response whose body comes from a list, tapped, with all that both sides have seen. */
function openTapped(chunks: readonly Uint8Array[], kind: Kind = "bytes", signal?: AbortSignal) {
  const seen = { pulls: 0, chunks: [] as string[], ends: [] as BodyEnd[], cancelled: [] as unknown[] };
  let controller: { error(reason: unknown): void } | undefined;
  const source = {
    start: (given: { error(reason: unknown): void }) => {
      controller = given;
    },
    pull: (given: { enqueue(chunk: Uint8Array<ArrayBuffer>): void; close(): void }) => {
      const chunk = chunks[seen.pulls++];
      if (chunk === undefined) given.close();
      else given.enqueue(Uint8Array.from(chunk));
    },
    cancel: (reason: unknown) => void seen.cancelled.push(reason),
  };
  const ahead = { highWaterMark: 0 };
  const body =
    kind === "bytes"
      ? new ReadableStream({ type: "bytes", ...source }, ahead)
      : new ReadableStream(source, ahead);
  const original = new Response(body, {
    status: 201,
    statusText: "Made",
    headers: { "content-type": "text/plain" },
  });
  const tap = {
    chunk: (bytes: Uint8Array) => void seen.chunks.push(Buffer.from(bytes).toString("hex")),
    over: (end: BodyEnd) => void seen.ends.push(end),
  };
  const response = tapResponse(original, tap, signal);
  if (response === undefined) throw new Error("not tapped");
  return { response, original, seen, breakOff: (error: unknown) => controller?.error(error) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const hex = (chunk: Uint8Array | undefined) => Buffer.from(chunk ?? []).toString("hex");

test("every chunk arrives as it came, and the tap sees the same", async () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });

  await fc.assert(
    fc.asyncProperty(fc.array(chunk), fc.constantFrom<Kind>("bytes", "plain"), async (chunks, kind) => {
      const { response, seen } = openTapped(chunks, kind);
      const read: string[] = [];

      for await (const piece of response.body ?? []) read.push(hex(piece));

      expect(read).toEqual(chunks.map(hex));
      expect(seen.chunks).toEqual(read);
      expect(seen.ends).toEqual([{ by: "done" }]);
    }),
  );
});

test("nothing is read before somebody asks", async () => {
  const { response, original, seen } = openTapped([Buffer.from("a"), Buffer.from("b"), Buffer.from("c")]);
  await turn();
  const before = [seen.pulls, original.bodyUsed];

  const reader = response.body?.getReader();
  await reader?.read();
  await turn();

  expect(before).toEqual([0, false]);
  expect(seen.pulls).toBe(1);
});

test("it answers as the original does, and so does its clone", async () => {
  const { response, original, seen } = openTapped([Buffer.from("Hel"), Buffer.from("lo")]);

  const clone = response.clone();

  for (const copy of [response, clone]) {
    expect(copy).toBeInstanceOf(Response);
    expect([copy.status, copy.statusText, copy.ok, copy.url]).toEqual([201, "Made", true, original.url]);
    expect(copy.headers).toBe(original.headers);
  }
  expect(await response.text()).toBe("Hello");
  expect((await clone.blob()).type).toBe("text/plain");
  expect(response.bodyUsed).toBe(true);
  expect(seen.chunks).toHaveLength(2);
});

test("a reader may bring its own memory where the original's may", async () => {
  const { response } = openTapped([Buffer.from("Hello")]);
  const plain = openTapped([], "plain");

  const reader = response.body?.getReader({ mode: "byob" });
  const first = await reader?.read(new Uint8Array(3));
  const second = await reader?.read(new Uint8Array(3));
  const end = await reader?.read(new Uint8Array(3));

  expect([hex(first?.value), hex(second?.value), end?.done]).toEqual(["48656c", "6c6f", true]);
  expect(() => plain.response.body?.getReader({ mode: "byob" })).toThrow(TypeError);
});

test("cancelling reaches the original with its reason", async () => {
  const { response, seen } = openTapped([Buffer.from("a"), Buffer.from("b")]);
  const reader = response.body?.getReader();

  await reader?.read();
  await reader?.cancel("enough");

  expect(seen.cancelled).toEqual(["enough"]);
  expect(seen.ends).toEqual([{ by: "reader" }]);
});

test("an error arrives as the very error, also while nobody reads", async () => {
  const error = new Error("reset");
  const { response, seen, breakOff } = openTapped([Buffer.from("a")]);
  const reader = response.body?.getReader();
  await reader?.read();

  breakOff(error);
  await turn();

  expect(seen.ends).toEqual([{ by: "error", error }]);
  await expect(reader?.read()).rejects.toBe(error);
  await expect(reader?.closed).rejects.toBe(error);
});

test("an abort before the first read ends it", async () => {
  const controller = new AbortController();
  const { seen, breakOff } = openTapped([Buffer.from("a")], "bytes", controller.signal);
  const error = new DOMException("stopped", "AbortError");

  breakOff(error);
  controller.abort();
  await turn();

  expect(seen.ends).toEqual([{ by: "error", error }]);
});

test("a response that nobody keeps is over when it is forgotten", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const { seen } = (() => {
    const { seen: kept } = openTapped([Buffer.from("a")]);
    return { seen: kept };
  })();

  while (seen.ends.length === 0) {
    collect();
    await turn();
  }

  expect(seen.ends).toEqual([{ by: "reader" }]);
});

test("a response without a body of the web's kind is not tapped", () => {
  const tap = { chunk: () => {}, over: () => {} };

  expect(tapResponse(new Response(null, { status: 204 }), tap, undefined)).toBeUndefined();
});
