import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkEvent, DIALECTS, type Dialect, decodeJson, type EventFault } from "@sluice/sdk/internal";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";

/**
 * The published schemas say the same as the checks by hand. Each member of good examples, known or not, at
 * every level, is taken out and given every value below, one at a time and then several at random: whatever
 * comes of it, schema and check must give the same answer.
 */
type Fields = Record<string, unknown>;
type Check = (value: Fields) => EventFault | undefined;

const sdk = join(import.meta.dirname, "../../packages/sdk");
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
const parse = (path: string): Fields => JSON.parse(readFileSync(path, "utf8"));

/** Values that some field takes and another does not; undefined takes the member out. */
const VALUES: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 1, 1.5, 1e12, 2e12, 2 ** 53, -1e14, [], ["a"], [1], {}, { message: "m" }],
  ...["", "text", "a\nb", "\u2028", "\ud800", "user", "system", "ok", "provider", "feedback", "assistant"],
  ...["run.started", "run.ended", "run.scored", "run.delta", "tool.called", "tool_call", "completed"],
  ...["TOOL_CALL_DETECTED", "SessionUpdate", "MessageStarted", "MessageCompleted", "SessionCreated"],
  ...[100, 101, 200, 201, 1_000, 1_001].map((length) => "x".repeat(length)),
  ...["2026-11-21T05:00:00.123456789Z", "2026-11-21T05:00:00.1234567891Z", "2026-11-21 05:00:00"],
  ...["2024-02-29T00:00:00Z", "2026-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2100-02-29T00:00:00Z"],
  ...["2026-11-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T05:00:00.Z", "2026-11-21T05:00:00+00:00"],
  ...["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000+00:00", "2026-11-21t05:00:00.1234567891+05:30"],
];

/** Changes made together, at random. */
const RUNS = 3_000;

/** A hundred thousand changes take three seconds, and more on a machine that does something else besides. */
const TIMEOUT_MS = 60_000;

/** An event with every field that the check knows, as each of the kinds that need some. */
const EVENTS: readonly Fields[] = ["run.started", "run.ended", "run.scored", "tool.called"].map((kind) => ({
  ...{ id: "e-1", kind, time: "2026-11-21T05:00:00Z", runId: "r", parentRunId: "p", traceId: "t" },
  ...{ parentSpanId: "00f067aa0ba902b7" },
  ...{ scope: { kind: "user", id: "u", props: {} }, session: { id: "s", connector: "c", nativeId: "n" } },
  ...{ tags: ["a"], metadata: {}, tool: { id: "t", name: "f", arguments: 1 }, data: 1, origin: {} },
  run: {
    ...{ type: "llm", name: "m", provider: "p", operation: "chat", writer: "w", status: "ok", reason: "r" },
    ...{ startTime: "2026-11-21T05:00:00Z", firstTokenTime: "2026-11-21T05:00:00Z" },
    ...{ pieces: [], revision: 2, truncated: {}, http: {}, attempts: [] },
    request: { model: "m", input: 1, params: {}, stream: true },
    response: { id: "i", model: "m", output: 1, finishReasons: ["stop"] },
    usage: {
      ...{ input: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, output: 1, reasoning: 1 },
      ...{ audioInput: 1, audioOutput: 1, source: "provider", flags: ["total"], raw: {} },
    },
    error: { message: "m", type: "t", code: "c", stack: "s", status: 500 },
  },
}));

test("the schema of the event and the check at every door agree about every change", {
  timeout: TIMEOUT_MS,
}, () => {
  const check: Check = (event) => {
    const fault = checkEvent(event);
    // What an id must be derived from is beyond a schema. It is looked at last, so the rest was good.
    return fault?.code === "wrong_id" ? undefined : fault;
  };

  const golden = goldenOf("*", /\.event\.json$/).filter(({ kind }) => kind !== "run.delta");
  const validate = schemaOf("event");

  expect(golden.filter((event) => !validate(event))).toEqual([]);
  expectAgreement(validate, check, EVENTS);
});

test.each(DIALECTS.map((dialect) => [dialect.name, dialect] as const))(
  "every golden file of the dialect %s passes its schema, and both agree about every change",
  { timeout: TIMEOUT_MS },
  (name, dialect) => {
    const golden = goldenOf(name, /^[\w-]+\.json$/);
    const validate = schemaOf(name);

    expect(golden.length).toBeGreaterThan(5);
    expect(golden.filter((payload) => !validate(payload))).toEqual([]);
    expectAgreement(validate, (payload) => faultOf(dialect, payload), golden);
  },
);

test("there is a schema for the event and each dialect, published under its name", () => {
  const { exports, files } = parse(join(sdk, "package.json"));
  const names = globSync("schema/*.json", { cwd: sdk }).map((path) => basename(path, ".schema.json"));

  expect(names.sort()).toEqual(["event", ...DIALECTS.map((dialect) => dialect.name)].sort());
  expect(files).toContain("schema");
  expect(exports).toMatchObject({ "./schema/*.json": "./schema/*.json" });
});

function schemaOf(name: string): ValidateFunction {
  return ajv.compile(parse(join(sdk, "schema", `${name}.schema.json`)));
}

function goldenOf(dialect: string, ending: RegExp): readonly Fields[] {
  const paths = globSync(`src/event/dialects/${dialect}/golden/*.json`, { cwd: sdk });
  return paths.filter((path) => ending.test(basename(path))).map((path) => parse(join(sdk, path)));
}

function faultOf(dialect: Dialect, payload: Fields): EventFault | undefined {
  const arrival = { hash: "hash", now: "2026-11-21T05:00:00.000Z", mintId: () => "minted" };
  // As ingest gives it: what JSON.stringify wrote is an object again.
  const value = decodeJson(JSON.stringify(payload)) as Parameters<Dialect["read"]>[0];
  const result = dialect.read(value, arrival);
  return "fault" in result ? result.fault : undefined;
}

function expectAgreement(validate: ValidateFunction, check: Check, examples: readonly Fields[]): void {
  const names = [...new Set(namesIn(validate.schema))];
  const verdicts = { good: 0, bad: 0 };
  const dispute = (value: Fields): string | undefined => {
    const fault = check(value);
    verdicts[fault === undefined ? "good" : "bad"]++;
    if (validate(value) === (fault === undefined)) return undefined;
    return JSON.stringify({ value, fault, errors: validate.errors });
  };

  // Called only where there is something to say: expect costs more than what it is asked about.
  const agree = (value: Fields): void => {
    const found = dispute(value);
    if (found !== undefined) expect.fail(found);
  };

  for (const value of singleChanges(examples, names)) agree(value);
  fc.assert(fc.property(severalChanges(examples, names), agree), { numRuns: RUNS });

  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(RUNS);
}

function* singleChanges(examples: readonly Fields[], names: readonly string[]): Iterable<Fields> {
  for (const example of examples) {
    for (const path of pathsIn(example)) {
      for (const name of names) for (const value of VALUES) yield changed(example, path, name, value);
    }
  }
}

function severalChanges(examples: readonly Fields[], names: readonly string[]): fc.Arbitrary<Fields> {
  const change = fc.tuple(fc.nat(), fc.constantFrom(...names), fc.constantFrom(...VALUES));
  return fc
    .tuple(fc.constantFrom(...examples), fc.array(change, { minLength: 2, maxLength: 4 }))
    .map(([example, changes]) =>
      changes.reduce((fields, [at, name, value]) => {
        const paths = pathsIn(fields);
        return changed(fields, paths[at % paths.length] ?? [], name, value);
      }, example),
    );
}

/** A copy in which one member of the object at `path` has another value, or is gone. */
function changed(fields: Fields, path: readonly string[], name: string, value: unknown): Fields {
  const [first, ...rest] = path;
  const inner = first === undefined ? undefined : fields[first];
  if (first !== undefined && isFields(inner))
    return { ...fields, [first]: changed(inner, rest, name, value) };
  const { [name]: _gone, ...others } = fields;
  return value === undefined ? others : { ...others, [name]: value };
}

/** The way to every object in it, itself first. */
function pathsIn(fields: Fields): readonly (readonly string[])[] {
  const inner = Object.entries(fields).flatMap(([name, value]) =>
    isFields(value) ? pathsIn(value).map((path) => [name, ...path]) : [],
  );
  return [[], ...inner];
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
