import * as fc from "fast-check";
import {
  type Attributes,
  type AttributeValue,
  type Resource,
  type Scope,
  SPAN_KIND,
  type Span,
  type SpanEvent,
  type SpanLink,
  STATUS_CODE,
} from "./span.ts";

/** One span with every field. */
export function aSpan(attributes: Attributes = {}, changes: Partial<Span> = {}): Span {
  return {
    resource: { attributes: { "service.name": "shop" } },
    scope: { name: "sluice", version: "1.0" },
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    name: "chat gpt-5",
    kind: SPAN_KIND.client,
    startTimeUnixNano: 1_763_752_060_123_456_789n,
    endTimeUnixNano: 1_763_752_061_000_000_001n,
    attributes,
    status: { code: STATUS_CODE.ok },
    flags: 0x101,
    ...changes,
  };
}

/** Texts of every length of UTF-8, and empty; around the lengths where a varint grows. */
const wellFormed = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("a", "\0", "é", "漢", "😀", '"', "\\", "\u2028") }),
  fc
    .tuple(fc.constantFrom("x", "é", "漢", "😀"), fc.constantFrom(47, 48, 49, 127, 128, 129, 5_461, 16_384))
    .map(([unit, length]) => unit.repeat(length)),
);
/** Halves of surrogate pairs, some of which meet. */
export const brokenText = fc.string({ unit: fc.constantFrom("a", "\ud83d", "\ude00", "é") });

const numbers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, -1, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 53, 2 ** 62, -(2 ** 63)),
  fc.constantFrom(2 ** 63, 1e300, Number.NaN, Number.NEGATIVE_INFINITY),
);
/** OpenTelemetry's exporter writes others in JSON, but as null or as integers that do not fit. */
const jsonNumbers = numbers.filter(
  (value) => Number.isFinite(value) && (!Number.isInteger(value) || Math.abs(value) < 2 ** 63),
);

/** Everything that OpenTelemetry's exporter can write as well. */
const sdkValue = (number: fc.Arbitrary<number>) =>
  fc.letrec<{ value: AttributeValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(wellFormed, fc.boolean(), number, fc.constant(null), fc.uint8Array({ maxLength: 200 })),
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(wellFormed, tie("value"), { maxKeys: 5 }),
    ),
  })).value;

/** What only we write: integers beyond a double's, half surrogate pairs, values that are nested too deep. */
const anyValue = fc.oneof(
  sdkValue(numbers),
  brokenText,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt(),
  fc.integer({ min: 25, max: 64 }).map(nested),
);

export function nested(depth: number): AttributeValue {
  let value: AttributeValue = ["deep", 1n, new Uint8Array([1, 2])];
  for (let level = 0; level < depth; level++) value = { level: value };
  return value;
}

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString("hex"));
const nanos = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const count = fc.oneof(fc.constant(0), fc.nat());
/** The SDK always says whether a parent is remote. */
const flags = fc.tuple(fc.nat(255), fc.constantFrom(0x100, 0x300)).map(([low, high]) => low | high);

function spansWith(value: fc.Arbitrary<AttributeValue>, text = wellFormed): fc.Arbitrary<Span[]> {
  const attributes: fc.Arbitrary<Attributes> = fc.dictionary(text, value, { maxKeys: 6 });
  const resource: fc.Arbitrary<Resource> = fc.record(
    { attributes, schemaUrl: text },
    { requiredKeys: ["attributes"] },
  );
  const scope: fc.Arbitrary<Scope> = fc.record(
    { name: text, version: text, attributes, schemaUrl: text },
    { requiredKeys: ["name"] },
  );
  const event: fc.Arbitrary<SpanEvent> = fc.record(
    { timeUnixNano: nanos, name: text, attributes, droppedAttributesCount: count },
    { requiredKeys: ["timeUnixNano", "name"] },
  );
  const link: fc.Arbitrary<SpanLink> = fc.record(
    {
      traceId: hex(16),
      spanId: hex(8),
      traceState: text,
      attributes,
      droppedAttributesCount: count,
      flags,
    },
    { requiredKeys: ["traceId", "spanId", "flags"] },
  );
  const homes = fc.record({
    resources: fc.array(resource, { minLength: 1, maxLength: 3 }),
    scopes: fc.uniqueArray(scope, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  });
  return homes.chain(({ resources, scopes }) =>
    fc.array(
      fc.record(
        {
          resource: fc.constantFrom(...resources),
          scope: fc.constantFrom(...scopes),
          traceId: hex(16),
          spanId: hex(8),
          traceState: text,
          parentSpanId: hex(8),
          name: text,
          kind: fc.constantFrom(0, 1, 2, 3, 4, 5),
          startTimeUnixNano: nanos,
          endTimeUnixNano: nanos,
          attributes,
          droppedAttributesCount: count,
          events: fc.array(event, { maxLength: 2 }),
          droppedEventsCount: count,
          links: fc.array(link, { maxLength: 2 }),
          droppedLinksCount: count,
          status: fc.record({ message: text, code: fc.constantFrom(0, 1, 2) }, { requiredKeys: ["code"] }),
          flags,
        },
        {
          requiredKeys: [
            ...(["resource", "scope", "traceId", "spanId", "name"] as const),
            ...(["startTimeUnixNano", "endTimeUnixNano", "status", "flags"] as const),
          ],
        },
      ),
      { maxLength: 4 },
    ),
  );
}

export const sdkSpans = spansWith(sdkValue(numbers));
export const sdkJsonSpans = spansWith(sdkValue(jsonNumbers));
export const anySpans = spansWith(anyValue, fc.oneof(wellFormed, brokenText));
