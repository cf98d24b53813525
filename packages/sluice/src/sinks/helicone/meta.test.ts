import { expect, test } from "vitest";
import { metaOf } from "./meta.ts";
import { ended, RUN, setUp } from "./rig.test-support.ts";

test("a line feed in metadata, at which new Headers throws, injects nothing and is not lost", async () => {
  const { server, send } = await setUp();
  const note = "first\r\nHelicone-User-Id: mallory";

  expect(await send(ended({}, { metadata: { note } }))).toMatchObject({ status: "delivered" });

  expect(server.rows[0]?.userId).toBeUndefined();
  expect(decodeURIComponent(server.rows[0]?.properties.note ?? "")).toBe(note);
});

test.each(["🧵 thread", "日本語", "half \ud83e", " spaces ", "100%25 sure", "tab\t", "", "Zoë", "100% sure"])(
  "the value %j, be it above U+00FF or not, arrives so that it can be read back",
  async (value) => {
    const { server, send } = await setUp();

    expect(
      await send(ended({}, { scope: { kind: "user", id: value || "x" }, metadata: { value } })),
    ).toMatchObject({
      status: "delivered",
    });

    const stored = server.rows[0]?.properties.value ?? "";
    const isEncoded = /%[0-9A-F]{2}/.test(stored);
    expect(isEncoded ? decodeURIComponent(stored) : stored).toBe(value.toWellFormed());
  },
);

test("what needs no encoding has none", async () => {
  const { server, send } = await setUp();

  await send(ended({}, { metadata: { city: "Zürich", share: "100% sure" } }));

  expect(server.rows[0]?.properties).toMatchObject({ city: "Zürich", share: "100% sure" });
});

test("names that no header has, and names that differ by case alone, keep a property each", async () => {
  const { server, send } = await setUp();

  await send(ended({}, { metadata: { "a b": 1, größe: 2, Key: "x", key: "y", "run-id": "mine", "": 3 } }));

  expect(server.rows[0]?.properties).toMatchObject({
    "a%20b": "1",
    "gr%c3%b6%c3%9fe": "2",
    key: "x",
    "key-2": "y",
    "run-id": RUN,
    "run-id-2": "mine",
    _: "3",
  });
});

test("a long run of spaces inside a value costs no time, and spaces at its ends arrive", async () => {
  const { server, send } = await setUp();
  const long = `\n${" ".repeat(200_000)}x`;

  const startedAtMs = performance.now();
  await send(ended({}, { metadata: { long, ends: "  a b  ", none: "   " } }));
  const tookMs = performance.now() - startedAtMs;

  const properties = server.rows[0]?.properties;
  expect(decodeURIComponent(properties?.long ?? "")).toBe(long);
  expect(properties).toMatchObject({ ends: "%20%20a b%20%20", none: "%20%20%20" });
  expect(tookMs).toBeLessThan(2_000);
});

test("10,000 names that differ by case alone keep a property each, and cost no time", async () => {
  const { server, send } = await setUp();
  const cased = (bits: number) =>
    [..."abcdefghijklmn"].map((letter, at) => ((bits >> at) & 1 ? letter.toUpperCase() : letter)).join("");
  const metadata = Object.fromEntries(Array.from({ length: 10_000 }, (_, bits) => [cased(bits), bits]));
  const event = ended({}, { metadata });

  const startedAtMs = performance.now();
  const meta = metaOf(event, event.run ?? { type: "llm" }, RUN, {});
  const tookMs = performance.now() - startedAtMs;
  await send(event);

  expect(new Set(Object.keys(meta).map((name) => name.toLowerCase())).size).toBe(Object.keys(meta).length);
  expect(Object.keys(server.rows[0]?.properties ?? {}).length).toBeGreaterThanOrEqual(10_000);
  expect(tookMs).toBeLessThan(2_000);
});
