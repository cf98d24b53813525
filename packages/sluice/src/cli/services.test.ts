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
