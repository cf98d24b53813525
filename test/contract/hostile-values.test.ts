import { createBufferedEmitter, type IncomingEvent } from "@sluice/sdk";
import { checkEvent, EVENT_LIMITS, ManualClock, scanJson, seededRandom } from "@sluice/sdk/internal";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openIngest } from "../../packages/sluice/src/testing/ingest-door.ts";

/**
 * Whatever an application emits, the emitter writes exactly one line for it, or says that it dropped it; and
 * the daemon takes every line (T70). Judged by the daemon's own checks, and by its ingest over HTTP.
 */
const time = "2026-11-21T05:00:00Z";

function openEmitter() {
  const batches: Buffer[] = [];
  const drops: string[] = [];
  const emitter = createBufferedEmitter({
    ...{ clock: new ManualClock(), random: seededRandom(1), bufferBytes: 64 * 1024 * 1024 },
    write: async ({ bytes }) => void batches.push(Buffer.from(bytes)),
    onDrop: (count, reason, detail) => drops.push(...Array(count).fill(`${reason}: ${detail}`)),
  });
  return {
    emitter,
    drops,
    async lines(): Promise<readonly Buffer[]> {
      await emitter.flush();
      const text = Buffer.concat(batches.splice(0));
      const lines: Buffer[] = [];
      for (let start = 0; start < text.length; ) {
        const end = text.indexOf("\n", start);
        lines.push(text.subarray(start, end));
        start = end + 1;
      }
      return lines;
    },
  };
}

/** What is wrong with a line, as the daemon would say it; undefined if nothing is. */
function faultOf(line: Buffer): unknown {
  const scan = scanJson(line, EVENT_LIMITS, 1);
  if (scan.shape !== "one") return scan.shape;
  if (scan.items[0]?.fault !== undefined) return scan.items[0].fault.code;
  const text = line.toString();
  const event = JSON.parse(text);
  return checkEvent(event) ?? (/\\ud[89a-f]/i.test(text) && hasHalfPair(event) ? "half a pair" : undefined);
}

function hasHalfPair(value: unknown): boolean {
  if (typeof value === "string") return !value.isWellFormed();
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, field]) => !key.isWellFormed() || hasHalfPair(field));
}

const circular: Record<string, unknown> = { list: [] };
circular["self"] = circular;
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const raise = () => {
  throw new Error("no");
};
const hostileProxy = new Proxy({}, { ownKeys: raise, get: raise, has: raise });
let deep: unknown = 1;
for (let level = 0; level < 100_000; level++) deep = level % 2 === 0 ? [deep] : { deep };

/** One of each kind that JSON cannot write, or not as it is, or not within the limits. */
const HOSTILE: readonly (readonly [name: string, value: unknown])[] = [
  ["circular", circular],
  ["bigint", 2n ** 70n],
  ["not a number", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]],
  ["symbol", Symbol("s")],
  ["function", () => 1],
  ["throwing getter", Object.defineProperty({}, "bad", { get: raise, enumerable: true })],
  ["throwing toJSON", { toJSON: raise }],
  ["throwing proxy", hostileProxy],
  ["revoked proxy", revoked.proxy],
  ["map", new Map<unknown, unknown>([[{}, new Map([["a", new Set([1n])]])]])],
  ["set", new Set([new Set([Number.NaN])])],
  ["error with causes", new Error("outer", { cause: new AggregateError([1n, raise], "inner") })],
  ["invalid date", new Date(Number.NaN)],
  ["buffer", Buffer.alloc(1_000_000)],
  ["typed arrays", [new Float64Array([Number.NaN]), new BigUint64Array(2), new Uint8Array(3)]],
  ["regular expression", /a"b\\/u],
  ["URL", new URL("https://example.org")],
  ["half of a pair", ["\ud800", { "\udc00": "x\udfff" }, `${"y".repeat(100)}\ud83d`]],
  ["__proto__", JSON.parse('{"__proto__":{"x":1},"constructor":2}')],
  ["sparse list", new Array(10_000_000)],
  ["a million keys", Object.fromEntries(Array.from({ length: 1_000_000 }, (_, n) => [n, n]))],
  ["200 MB of text", "x".repeat(200_000_000)],
  ["control characters", "\u0000\u001f\u007f\u0085\u2028".repeat(2_000_000)],
  ["depth", deep],
  [
    "class instance",
    new (class Thing {
      readonly field = 1;
    })(),
  ],
  ["boxed", [Object("a"), Object(1n), Object(Symbol()), Object(true), Object(0)]],
  ["async iterable", (async function* () {})()],
  ["weak", [new WeakMap(), new WeakSet(), new WeakRef({})]],
  ["frozen", Object.freeze({ a: Object.freeze([1n]) })],
  ["raw JSON", JSON.parse("[1]")],
  ["everything at once", Array.from({ length: 30 }, () => ["z".repeat(1_000_000), circular, 1n])],
];

test.each(HOSTILE)(
  "%s is taken by the daemon wherever it stands",
  { timeout: 60_000 },
  async (_name, value) => {
    const { emitter, drops, lines } = openEmitter();
    await using door = await openIngest();
    const error = { message: "m", more: value };
    const run = { type: "llm", request: { input: value }, response: { output: value }, error, extra: value };
    const events = [
      { kind: "k", time, data: value },
      { data: value, kind: "k", unknown: value },
      { extra: value, kind: "run.ended", runId: "r", run },
      { kind: "tool.called", runId: "r", tool: { name: "t", arguments: value } },
    ];

    for (const event of events) emitter.emit(event as unknown as IncomingEvent);
    const written = await lines();

    expect(drops).toEqual([]);
    expect(written.map(faultOf)).toEqual(events.map(() => undefined));
    for (const line of written) expect((await door.post(line)).status).toBe(202);
  },
);

/** Each of these costs half a second, twenty times; the envelope's fields are not where size matters. */
const QUICK = HOSTILE.filter(([name]) => name !== "a million keys" && name !== "sparse list");

test.each(QUICK)("%s in place of an envelope's field is one line or one drop", async (_name, value) => {
  const { emitter, drops, lines } = openEmitter();
  const run = { type: "llm" };
  const envelopes = [
    value,
    ...["id", "kind", "time", "runId", "scope", "session", "tags", "metadata", "run", "tool"].map((name) => ({
      kind: "k",
      [name]: value,
    })),
    { kind: "k", scope: { kind: "user", id: "u", props: value } },
    ...["request", "response", "usage", "error", "pieces", "truncated", "http", "reason"].map((name) => ({
      kind: "k",
      run: { ...run, [name]: value },
    })),
    { kind: "k", run: { ...run, request: { params: value } } },
    { kind: "k", run: { ...run, response: { finishReasons: value } } },
    { kind: "k", run: { ...run, usage: { source: "provider", input: value } } },
    { kind: "k", run: { ...run, usage: { source: "provider", raw: value } } },
  ];

  let count = 0;
  for (const envelope of envelopes) {
    emitter.emit(envelope as unknown as IncomingEvent);
    const written = await lines();
    expect(written.map(faultOf)).toEqual(written.map(() => undefined));
    count += written.length;
  }

  expect(count + drops.length).toBe(envelopes.length);
  expect(drops.filter((drop) => !drop.startsWith("invalid: "))).toEqual([]);
});

const anything = fc.anything({
  ...{ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true },
  ...{ withNullPrototype: true, withObjectString: true, withSparseArray: true, withTypedArray: true },
  ...{ withUnicodeString: true, maxDepth: 4 },
});

test("10,000 generated values are one line each, and the daemon takes them", {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 100, maxLength: 100 }), async (values) => {
      const { emitter, drops, lines } = openEmitter();
      await using door = await openIngest();

      for (const data of values) {
        const metadata = { data, ["\ud800"]: [data] };
        emitter.emit({ kind: "k", time, data, metadata } as unknown as IncomingEvent);
      }
      const written = await lines();

      expect(drops).toEqual([]);
      expect(written.map(faultOf)).toEqual(values.map(() => undefined));
      const answer = await door.lines(Buffer.concat(written.flatMap((line) => [line, Buffer.from("\n")])));
      expect(answer.status).toBe(202);
    }),
    { numRuns: 100 },
  );
});
