import { expect, test } from "vitest";
import { sinkOfType } from "../sinks/registry.ts";
import { SERVICES } from "./services.ts";

const paramsOf = (name: string, endpoint?: string, apiKey?: string) =>
  SERVICES.find((service) => service.name === name)?.params({ apiKey, endpoint, cwd: "/home" });

test("a database file is named from where the command is typed, and is in the data directory by default", () => {
  expect(paramsOf("sqlite", "llm.db")).toEqual({ path: "/home/llm.db" });
  expect(paramsOf("sqlite")).toEqual({ path: "events.db" });
});

test("a PostgreSQL is named by its URL, and its password may come apart from it", () => {
  expect(paramsOf("postgres", "postgres://db/llm", "secret")).toEqual({
    url: "postgres://db/llm",
    password: "secret",
  });
  expect(paramsOf("postgres")).toEqual({});
});

test.each(SERVICES.map(({ name }) => name))("what %s makes of its flags is what its sink takes", (name) => {
  const endpoint = name === "postgres" ? "postgres://db/llm" : undefined;
  const key = SERVICES.find((service) => service.name === name)?.keyVariables.length ? "key" : undefined;

  expect(sinkOfType(name)?.options.safeParse(paramsOf(name, endpoint, key))).toMatchObject({ success: true });
});
