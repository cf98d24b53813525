import { expect, test } from "vitest";
import { endpointOf, options } from "./options.ts";
import { langfuseSink } from "./sink.ts";

const KEYS = { public_key: "pk-lf-1", secret_key: "sk-lf-2" };

test("without an endpoint it is the cloud, and the seed's word for it is host", () => {
  expect(endpointOf(options.parse(KEYS))).toBe("https://cloud.langfuse.com");
  expect(endpointOf(options.parse({ ...KEYS, host: "http://lf" }))).toBe("http://lf");
  expect(endpointOf(options.parse({ ...KEYS, host: "http://lf", endpoint: "http://e" }))).toBe("http://e");
});

test.each([
  ["a user name in the URL", { endpoint: "https://pk:sk@lf.example.com" }],
  ["the whole path of a route", { endpoint: "https://lf.example.com/api/public/ingestion" }],
  ["a key with a colon", { public_key: "pk:sk" }],
  ["an environment that Langfuse would store as default", { environment: "Prod/EU" }],
  ["no secret key", { secret_key: undefined }],
])("%s is refused", (_, changes) => {
  expect(options.safeParse({ ...KEYS, ...changes }).success).toBe(false);
});

test("the server tells one destination from another, and no key does", () => {
  const first = langfuseSink.destination(options.parse({ ...KEYS, host: "https://lf.example.com" }));
  const second = langfuseSink.destination(options.parse({ ...KEYS, endpoint: "https://lf.example.com/" }));

  expect(first).toBe(second);
  expect(first).not.toContain("lf-");
});

test("each mode has the limits of its route", () => {
  const tuned = (mode: string) => langfuseSink.tune?.(options.parse({ ...KEYS, mode }));

  expect(tuned("ingestion")).toMatchObject({ events: 32 });
  expect({ ...langfuseSink.limits, ...tuned("otlp") }).toMatchObject({ events: 512 });
});

test("the cloud counts an organisation's requests, and its smallest plan's 1,000 a minute are kept", () => {
  const { requestsPerSecond = Number.POSITIVE_INFINITY } = langfuseSink.tune?.(options.parse(KEYS)) ?? {};

  expect(requestsPerSecond * 60).toBeLessThan(1_000);
});

test("a create and its update are never on the wire at once: of two that meet, v2 drops the usage of one", () => {
  expect(langfuseSink.order).toBe("trace");
});
