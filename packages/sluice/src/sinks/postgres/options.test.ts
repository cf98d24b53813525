import { expect, test } from "vitest";
import { options, placeOf, secretsOf, tlsModeOf } from "./options.ts";

test.each([
  [
    { url: "postgres://ann:p%40ss@db.example.com:5433/llm?sslmode=require" },
    "db.example.com:5433/llm/#sluice",
  ],
  [{ url: "postgresql://db/llm", schema: "x" }, "db/llm/#x"],
  [{ host: "db", port: 1, database: "llm", user: "ann", password: "p" }, "db:1/llm#sluice"],
])("the place of %j is told without what lets somebody in", (settings, place) => {
  expect(placeOf(options.parse(settings))).toBe(place);
});

test("the password is a secret as it is written and as it is meant, in the URL and beside it", () => {
  const settings = options.parse({ url: "postgres://ann:p%40ss:w@db/llm?password=third", password: "other" });

  expect(secretsOf(settings)).toEqual(expect.arrayContaining(["p%40ss:w", "p@ss:w", "other", "third"]));
  expect(secretsOf(options.parse({}))).toEqual([]);
});

test.each([
  { url: "mysql://db/llm" },
  { url: "postgres://db/llm", host: "db" },
  { schema: 'x"; DROP TABLE runs; --' },
  { schema: "" },
  { tls: "maybe" },
])("%j is refused", (settings) => {
  expect(options.safeParse(settings).success).toBe(false);
});

test.each([
  [{}, "prefer"],
  [{ url: "postgres://db/llm" }, "prefer"],
  [{ url: "postgres://db/llm?sslmode=require" }, "require"],
  [{ url: "postgres://db/llm?sslmode=verify-ca" }, "verify-full"],
  [{ url: "postgres://db/llm?sslmode=strange" }, "verify-full"],
  [{ url: "postgres://db/llm?sslmode=disable", tls: "require" }, "require"],
])("the TLS of %j is %s", (settings, mode) => {
  expect(tlsModeOf(options.parse(settings))).toBe(mode);
});
