import { expect, test } from "vitest";
import { sinkOfType } from "../sinks/registry.ts";
import { SERVICES } from "./services.ts";

/** Where each goes if nobody says where. */
const DEFAULTS: Readonly<Record<string, string>> = {
  file: "/somewhere/events.jsonl",
  helicone: "https://api.worker.helicone.ai/",
  lunary: "https://api.lunary.ai/v1/runs/ingest",
};

test.each(Object.entries(DEFAULTS))("the service %s needs a key at most, and goes to %s", (name, place) => {
  const service = SERVICES.find((each) => each.name === name);
  const definition = sinkOfType(name);
  const apiKey = service?.keyVariables.length === 0 ? undefined : "key";

  const params = service?.params({ apiKey, endpoint: undefined, cwd: "/somewhere", env: {} });
  const options = definition?.options.parse(params) ?? {};

  expect(definition?.destination(options) ?? "").toContain(place.replace("/somewhere/", ""));
});

test("the key of Helicone may stand in a variable of its own", () => {
  const service = SERVICES.find(({ name }) => name === "helicone");

  expect(service?.keyVariables).toEqual(["LLM_PROXY_API_KEY", "HELICONE_API_KEY"]);
  expect(service?.params({ apiKey: "k", endpoint: "http://localhost:8585/x", cwd: "/", env: {} })).toEqual({
    api_key: "k",
    endpoint: "http://localhost:8585/x",
  });
});

const paramsOf = (name: string, endpoint?: string, apiKey?: string) =>
  SERVICES.find((service) => service.name === name)?.params({ apiKey, endpoint, cwd: "/here", env: {} });

test("a database file is named from where the command is typed, and is in the data directory by default", () => {
  expect(paramsOf("sqlite", "llm.db")).toEqual({ path: "/here/llm.db" });
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
  const key = SERVICES.find((service) => service.name === name)?.keyVariables.length
    ? "pk-1:sk-1"
    : undefined;

  expect(sinkOfType(name)?.options.safeParse(paramsOf(name, endpoint, key))).toMatchObject({ success: true });
});

test("Langfuse's key is a pair, public and secret, with a colon between them", () => {
  const params = paramsOf("langfuse", undefined, "pk-lf-1:sk-lf-2");

  expect(params).toEqual({ public_key: "pk-lf-1", secret_key: "sk-lf-2" });
  expect(sinkOfType("langfuse")?.options.safeParse(params).success).toBe(true);
});

test("half a key is no key, and an endpoint is the server's", () => {
  const params = paramsOf("langfuse", "http://lf", "pk-lf-1");

  expect(params).toEqual({ public_key: "pk-lf-1", secret_key: undefined, endpoint: "http://lf" });
  expect(sinkOfType("langfuse")?.options.safeParse(params).success).toBe(false);
});

test("services are sorted, and each is a sink", () => {
  const names = SERVICES.map(({ name }) => name);

  expect(names).toEqual(names.toSorted());
  for (const name of names) expect(sinkOfType(name)).toBeDefined();
});
