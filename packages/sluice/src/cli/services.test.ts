import { expect, test } from "vitest";
import { sinkOfType } from "../sinks/registry.ts";
import { SERVICES } from "./services.ts";

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

/** Where each goes if nobody says where; what must be said is said here. */
const PLACES: Readonly<
  Record<string, readonly [destination: string, endpoint?: string | undefined, key?: string]>
> = {
  file: ["events.jsonl"],
  helicone: ["https://api.worker.helicone.ai/", undefined, "key"],
  langfuse: ["https://cloud.langfuse.com/", undefined, "pk-1:sk-1"],
  lunary: ["https://api.lunary.ai/v1/runs/ingest", undefined, "key"],
  otlp: ["http://localhost:4318/v1/traces"],
  postgres: ["127.0.0.1", "postgres://ann@127.0.0.1/llm"],
  sqlite: ["events.db"],
  webhook: [
    "https://hooks.example/in",
    "https://hooks.example/in",
    `whsec_${Buffer.alloc(24, "k").toString("base64")}`,
  ],
};

test.each(SERVICES.map(({ name }) => name))("the service %s goes where its users expect it", (name) => {
  const [destination, endpoint, key] = PLACES[name] ?? ["no place is known for it"];
  const definition = sinkOfType(name);

  const options = definition?.options.parse(paramsOf(name, endpoint, key)) ?? {};

  expect(definition?.destination(options)).toContain(destination);
});
