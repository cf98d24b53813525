import { expect, test } from "vitest";
import { sinkOfType } from "../sinks/registry.ts";
import { SERVICES } from "./services.ts";

const langfuse = SERVICES.find(({ name }) => name === "langfuse");

test("Langfuse's key is a pair, public and secret, with a colon between them", () => {
  const params = langfuse?.params({ apiKey: "pk-lf-1:sk-lf-2", endpoint: undefined, cwd: "/", env: {} });

  expect(params).toEqual({ public_key: "pk-lf-1", secret_key: "sk-lf-2" });
  expect(sinkOfType("langfuse")?.options.safeParse(params).success).toBe(true);
});

test("half a key is no key, and an endpoint is the server's", () => {
  const params = langfuse?.params({ apiKey: "pk-lf-1", endpoint: "http://lf", cwd: "/", env: {} });

  expect(params).toEqual({ public_key: "pk-lf-1", secret_key: undefined, endpoint: "http://lf" });
  expect(sinkOfType("langfuse")?.options.safeParse(params).success).toBe(false);
});

test("services are sorted, and each is a sink", () => {
  const names = SERVICES.map(({ name }) => name);

  expect(names).toEqual(names.toSorted());
  for (const name of names) expect(sinkOfType(name)).toBeDefined();
});
