import { connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { openIngest } from "../testing/ingest-door.ts";

const MEBIBYTE = 1024 * 1024;
const text = '{"id":"e-1","kind":"k","time":"2026-11-21T05:00:00Z"}';

/**
 * Sends a request's bytes over a bare socket and resolves to all that comes back, until the server is done.
 */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString();
      if (received.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}

test.each([
  ["gzip", gzipSync(text)],
  ["x-gzip", gzipSync(text)],
  ["deflate", deflateSync(text)],
  ["br", brotliCompressSync(text)],
  ["zstd", zstdCompressSync(text)],
  ["identity", Buffer.from(text)],
])("a body in %s is read", async (coding, body) => {
  await using door = await openIngest();

  const answer = await door.post(body, { "content-encoding": coding });

  expect(answer.status).toBe(202);
  expect(door.intake.bodies).toEqual([text]);
});

test.each([
  ["br", brotliCompressSync(Buffer.alloc(200 * MEBIBYTE, " "))],
  ["gzip", gzipSync(Buffer.alloc(60 * MEBIBYTE, " "))],
  ["zstd", zstdCompressSync(Buffer.alloc(60 * MEBIBYTE, " "))],
])("a bomb in %s is refused while it grows (S10)", async (coding, body) => {
  await using door = await openIngest();
  const before = process.memoryUsage().rss;

  const answers = await Promise.all(
    Array.from({ length: 20 }, () => door.post(body, { "content-encoding": coding })),
  );

  expect(new Set(answers.map((answer) => answer.body["code"]))).toEqual(new Set(["decompressed_too_large"]));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * MEBIBYTE);
});

test("a body that was compressed may be larger than a plain one", async () => {
  await using door = await openIngest({ bodyBytes: 2_000 });
  const lines = Array.from(
    { length: 80 },
    (_, n) => `{"kind":"k","n":${n},"text":"some text of an event"}\n`,
  );

  const answer = await door.post(gzipSync(lines.join("")), { "content-encoding": "gzip" });

  expect(answer.status).toBe(202);
  expect(door.intake.records).toHaveLength(80);
});

test.each([
  ["cut short", gzipSync(text).subarray(0, 20), "gzip", 400, "malformed_encoding"],
  ["not what it says", Buffer.from(text), "gzip", 400, "malformed_encoding"],
  ["coded twice", gzipSync(gzipSync(text)), "gzip, gzip", 415, "unsupported_content_encoding"],
  ["in an unknown coding", Buffer.from(text), "compress", 415, "unsupported_content_encoding"],
])("a body %s is refused", async (_name, body, coding, status, code) => {
  await using door = await openIngest();

  const answer = await door.post(body, { "content-encoding": coding });

  expect([answer.status, answer.body["code"]]).toEqual([status, code]);
});

test("a body declared too large is refused before it is sent (S09)", async () => {
  await using door = await openIngest();
  const head = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

  const answer = await raw(door.port, `${head}content-length: ${11 * MEBIBYTE}\r\n\r\n`);

  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("body_too_large");
});

test("a chunked body is refused at the byte that is one too many, and the answer arrives (S09)", async () => {
  await using door = await openIngest({ bodyBytes: 1_000 });
  const sent = (sizeBytes: number) =>
    door.post(new Blob([`{"kind":"k","a":"${"x".repeat(sizeBytes - 19)}"}`]).stream());

  const [fits, tooLarge] = [await sent(1_000), await sent(1_001)];

  expect([fits.status, tooLarge.status]).toEqual([202, 413]);
});

test("a body of 11 MiB gets its answer and not a reset", async () => {
  await using door = await openIngest();

  const answer = await door.post(Buffer.alloc(11 * MEBIBYTE, " "));

  expect([answer.status, answer.body["code"]]).toEqual([413, "body_too_large"]);
});

test("bodies beyond the common budget are asked to come again, and the budget comes back", async () => {
  await using door = await openIngest({ allBodiesBytes: 1_000 });
  const gate = Promise.withResolvers<void>();
  door.intake.gate = gate.promise;
  const body = (id: string) =>
    JSON.stringify({ id, kind: "k", time: "2026-11-21T05:00:00Z", a: "x".repeat(600) });

  const first = door.post(body("e-1"));
  await expect.poll(async () => (await door.post(body("e-2"))).status).toBe(503);
  gate.resolve();

  expect((await first).status).toBe(202);
  expect((await door.post(body("e-3"))).status).toBe(202);
});

test("large bodies leave room for small ones, however many they are (P5)", async () => {
  await using door = await openIngest({ allBodiesBytes: 2 * MEBIBYTE });
  const gate = Promise.withResolvers<void>();
  door.intake.gate = gate.promise;
  const large = (id: string) =>
    JSON.stringify({ id, kind: "k", time: "2026-11-21T05:00:00Z", a: "x".repeat(0.6 * MEBIBYTE) });

  const first = door.post(large("e-1"));
  await expect.poll(() => door.intake.appends).toBe(1);
  expect((await door.post(large("e-2"))).status).toBe(503);
  const small = door.post(text.replace("e-1", "e-3"));
  gate.resolve();

  expect((await first).status).toBe(202);
  expect((await small).status).toBe(202);
});

test("a body that comes in pieces is put together as it was sent", async () => {
  await using door = await openIngest();
  const body = JSON.stringify({
    id: "e-1",
    kind: "k",
    time: "2026-11-21T05:00:00Z",
    a: "é".repeat(2_000_000),
  });

  const answer = await door.post(body);

  expect(answer.status).toBe(202);
  expect(door.intake.bodies[0] === body).toBe(true);
});

test("a client that hangs up in the middle of its body leaves nothing behind", async () => {
  await using door = await openIngest({ allBodiesBytes: 100 });
  const head =
    "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{";

  await new Promise<void>((resolve) => {
    const socket = connect(door.port, "127.0.0.1", () => socket.write(head, () => socket.destroy()));
    socket.on("close", () => resolve());
  });

  await expect.poll(async () => (await door.post(text)).status).toBe(202);
  expect(door.intake.bodies).toEqual([text]);
});
