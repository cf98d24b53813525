import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkEvent, DIALECTS, type Dialect, decodeJson } from "@sluice/sdk/internal";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";

/**
 * The published schemas say the same as the checks by hand: every golden file passes, and whatever is changed
 * in one, both give the same answer.
 */
type Fields = Record<string, unknown>;

const sdk = join(import.meta.dirname, "../../packages/sdk");
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
const parse = (path: string): Fields => JSON.parse(readFileSync(path, "utf8"));

function schemaOf(name: string): ValidateFunction {
  return ajv.compile(parse(join(sdk, "schema", `${name}.schema.json`)));
}

function golden(dialect: string, ending: RegExp): readonly string[] {
  const paths = globSync(`src/event/dialects/${dialect}/golden/*.json`, { cwd: sdk });
  return paths.filter((path) => ending.test(basename(path))).map((path) => join(sdk, path));
}

/** Values that some field takes and another does not. */
const values = fc.constantFrom<unknown>(
  ...["", "text", "a\nb", "\u2028", "\ud800", "user", "system", "ok", "provider", "feedback", "assistant"],
  ...[
    "x".repeat(101),
    "x".repeat(201),
    "x".repeat(1_001),
    "run.delta",
    "run.ended",
    "tool_call",
    "completed",
  ],
  ...["2026-11-21T05:00:00.123456789Z", "2026-11-21T05:00:00.1234567891+05:30", "2026-11-21 05:00:00"],
  ...["2024-02-29T00:00:00Z", "2026-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2100-02-29T00:00:00Z"],
  ...["2026-11-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T05:00:00.Z", "2026-11-21T05:00:00+00:00"],
  ...["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000+00:00", "2026-11-21t05:00:00z"],
  ...[null, true, 0, -1, 1, 1.5, 1e12, 2e12, 2 ** 53, [], ["a"], [1], {}, { kind: "user" }, { message: "m" }],
);

/** One of the objects, with some members changed, added or taken out, down to the third level. */
function changed(objects: readonly Fields[], names: readonly string[]): fc.Arbitrary<Fields> {
  const change = fc.record({
    depth: fc.nat(2),
    way: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
    name: fc.constantFrom(...names),
    isOwn: fc.boolean(),
    value: fc.option(values, { nil: undefined, freq: 5 }),
  });
  return fc
    .tuple(fc.constantFrom(...objects), fc.array(change, { maxLength: 3 }))
    .map(([object, changes]) => {
      const copy = structuredClone(object);
      for (const { depth, way, name, isOwn, value } of changes) {
        const target = innerOf(copy, way.slice(0, depth));
        const own = Object.keys(target);
        const member = isOwn ? (own[(way[2] ?? 0) % own.length] ?? name) : name;
        if (value === undefined) delete target[member];
        else target[member] = structuredClone(value);
      }
      return copy;
    });
}

function innerOf(object: Fields, way: readonly number[]): Fields {
  let inner = object;
  for (const step of way) {
    const objects = Object.values(inner).filter((value) => isFields(value));
    inner = objects[step % objects.length] ?? inner;
  }
  return inner;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every name that a schema knows, at any level. */
function namesIn(schema: unknown): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => [
    ...(key === "properties" && isFields(value) ? Object.keys(value) : []),
    ...namesIn(value),
  ]);
}

function faultOf(dialect: Dialect, payload: Fields): unknown {
  const value = decodeJson(JSON.stringify(payload));
  if (!isFields(value)) return "not an object";
  const arrival = { hash: "hash", now: "2026-11-21T05:00:00.000Z", mintId: () => "minted" };
  const result = dialect.read(value as Parameters<Dialect["read"]>[0], arrival);
  return "fault" in result ? result.fault : undefined;
}

test("the schema of the event and the check at every door agree about good and bad events", () => {
  const validate = schemaOf("event");
  const events = golden("*", /\.event\.json$/).map((path) => parse(path));
  const usage = { input: 1, cacheRead: 2, output: 3, source: "provider", raw: {} };
  const more = {
    type: "llm",
    startTime: "2026-11-21T05:00:00Z",
    usage,
    error: { message: "m" },
    revision: 2,
  };
  const full = { kind: "run.started", runId: "r", run: more, scope: { kind: "user", id: "u", props: {} } };
  const verdicts = { good: 0, bad: 0 };

  fc.assert(
    fc.property(changed([...events, full], namesIn(validate.schema)), (event) => {
      const fault = checkEvent(event);
      // What an id must be derived from is beyond a schema; it is looked at last, so the rest was good.
      const isGood = fault === undefined || fault.code === "wrong_id";
      verdicts[isGood ? "good" : "bad"]++;

      expect(validate(event), JSON.stringify([event, fault, validate.errors])).toBe(isGood);
    }),
    { numRuns: 5_000 },
  );

  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(500);
});

test.each(DIALECTS.map((dialect) => [dialect.name, dialect] as const))(
  "every golden file of the dialect %s passes its schema, and both refuse the same payloads",
  (name, dialect) => {
    const validate = schemaOf(name);
    const payloads = golden(name, /^[\w-]+\.json$/).map((path) => parse(path));
    const verdicts = { good: 0, bad: 0 };

    expect(payloads.length).toBeGreaterThan(5);
    for (const payload of payloads) expect(validate(payload), JSON.stringify(validate.errors)).toBe(true);
    fc.assert(
      fc.property(changed(payloads, namesIn(validate.schema)), (payload) => {
        const fault = faultOf(dialect, payload);
        verdicts[fault === undefined ? "good" : "bad"]++;

        const said = JSON.stringify([payload, fault, validate.errors]);
        expect(validate(payload), said).toBe(fault === undefined);
      }),
      { numRuns: 3_000 },
    );

    expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(300);
  },
);

test("there is a schema for the event and each dialect, published under its name", () => {
  const { exports, files } = parse(join(sdk, "package.json"));
  const names = globSync("schema/*.json", { cwd: sdk }).map((path) => basename(path, ".schema.json"));

  expect(names.sort()).toEqual(["event", ...DIALECTS.map((dialect) => dialect.name)].sort());
  expect(files).toContain("schema");
  expect(exports).toMatchObject({ "./schema/*.json": "./schema/*.json" });
});
