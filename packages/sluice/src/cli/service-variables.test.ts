import { expect, test } from "vitest";
import { assertWholeKey, endpointOf } from "./service-variables.ts";
import { SERVICES, type Service } from "./services.ts";

const service = (name: string): Service =>
  SERVICES.find((each) => each.name === name) ?? (SERVICES[0] as Service);

test.each<[string, string | undefined, Record<string, string>, string | undefined]>([
  ["lunary", "http://flag", { LLM_PROXY_ENDPOINT: "http://all" }, "http://flag"],
  ["lunary", undefined, { LLM_PROXY_ENDPOINT: "http://all" }, "http://all"],
  ["langfuse", undefined, { LLM_PROXY_ENDPOINT: "", LANGFUSE_BASE_URL: "http://own" }, "http://own"],
  ["otlp", undefined, {}, undefined],
])("the endpoint of %s, by the flag %s and the variables %j, is %s", (name, flag, env, endpoint) => {
  expect(endpointOf(service(name), flag, env)).toBe(endpoint);
});

test("OpenTelemetry's variables mean what they mean to its SDKs: a base, and an address for traces", () => {
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/otel/" };
  const traces = { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://other/spans" };

  expect(endpointOf(service("otlp"), undefined, base)).toBe("http://collector:4318/otel/v1/traces");
  expect(endpointOf(service("otlp"), undefined, traces)).toBe("http://other/spans");
});

test("a webhook without a URL is told how to get one", () => {
  expect(() => endpointOf(service("webhook"), undefined, {})).toThrow(/webhook needs a URL.*--endpoint URL/);
});

test("half of Langfuse's key is told what the whole one looks like, and is not shown", () => {
  const asserted = () => assertWholeKey(service("langfuse"), "sk-lf-secret");

  expect(asserted).toThrow(/PUBLIC:SECRET.*LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY/);
  expect(asserted).not.toThrow(/sk-lf-secret/);
  expect(() => assertWholeKey(service("langfuse"), "pk-lf-1:sk-lf-2")).not.toThrow();
  expect(() => assertWholeKey(service("lunary"), "any")).not.toThrow();
});
