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
