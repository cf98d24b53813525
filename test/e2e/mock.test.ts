import { afterEach, expect, test } from "vitest";
import { eventually, House } from "./daemon.ts";
import { type Announced, MockProcess } from "./mock-process.ts";

const RUN_ID = "5d1f6b7e-3c2a-4b18-9f60-000000000001";

let house: House | undefined;
let mock: MockProcess | undefined;

afterEach(async () => {
  await house?.close();
  await mock?.end("SIGKILL");
  house = undefined;
  mock = undefined;
});

test("a daemon delivers to a mock that first fails as it was told, and the mock tells each item", async () => {
  mock = await MockProcess.start("lunary", "--fault", "503:first-1");
  house = new House();
  house.configure(sinkToml("lunary", mock.announced));
  const url = await house.start();

  await post(url, [eventOf("run.started"), eventOf("run.ended")]);
  const lines = await eventually(() => (mock?.lines.length === 2 ? mock.lines : undefined), 10_000);

  expect(lines).toMatchObject([
    { fault: "503:first-1", items: [] },
    {
      status: 200,
      items: [
        { id: RUN_ID, outcome: "stored" },
        { id: RUN_ID, outcome: "stored" },
      ],
    },
  ]);
});

test("a daemon delivers a run to every mock, with the keys and to the place that each says", async () => {
  const services = ["helicone", "langfuse", "lunary", "otlp"];
  const mocks = await Promise.all(services.map((service) => MockProcess.start(service)));
  try {
    house = new House();
    house.configure(
      mocks.map(({ announced }, index) => sinkToml(services[index] ?? "", announced)).join("\n"),
    );

    await post(await house.start(), [eventOf("run.started"), eventOf("run.ended")]);
    const first = await eventually(() => {
      const items = mocks.map(({ lines }) => lines[0]?.items.map(({ outcome }) => outcome));
      return items.every((each) => each !== undefined) ? items : undefined;
    }, 15_000);

    expect(first).toEqual([["stored"], ["stored"], ["stored", "stored"], ["stored"]]);
  } finally {
    await Promise.all(mocks.map((each) => each.end("SIGKILL")));
  }
}, 40_000);

test("a mock refuses items as it was told to, in the way of its service", async () => {
  mock = await MockProcess.start("lunary", "--refuse", "first-1");
  const { endpoint, keys } = mock.announced;
  const events = [RUN_ID, "another"].map((runId) => ({ type: "llm", event: "start", runId, timestamp: 1 }));

  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { authorization: `Bearer ${keys["api_key"]}` },
    body: JSON.stringify({ events }),
  });

  expect(await answer.json()).toMatchObject({ results: [{ success: false }, { success: true }] });
  expect(mock.lines).toMatchObject([{ items: [{ outcome: "refused" }, { outcome: "stored" }] }]);
});

test("a server of a service that there is not is said to be none", async () => {
  await expect(MockProcess.start("langfuse", "--as", "v5")).rejects.toThrow("v4, v4-dual, v3, v2");
});

test("a mock says of an end without its start that it was lost, which the service does not", async () => {
  mock = await MockProcess.start("lunary");
  const { endpoint, keys } = mock.announced;

  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { authorization: `Bearer ${keys["api_key"]}` },
    body: JSON.stringify({ events: [{ type: "llm", event: "end", runId: RUN_ID, timestamp: 1 }] }),
  });

  expect(await answer.json()).toEqual({ results: [{ id: RUN_ID, success: true }] });
  expect(mock.lines).toMatchObject([{ status: 200, items: [{ id: RUN_ID, outcome: "lost" }] }]);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends a mock with exit 0", async (signal) => {
  const server = await MockProcess.start("lunary");

  expect(await server.end(signal)).toBe(0);
});

test("a mock listens on loopback only, since everybody knows its keys", async () => {
  await expect(MockProcess.start("lunary", "--listen", "0.0.0.0:0")).rejects.toThrow("on loopback only");
});

test("a port that is taken is said to be", async () => {
  mock = await MockProcess.start("lunary");
  const { host } = new URL(mock.announced.url);

  await expect(MockProcess.start("lunary", "--listen", host)).rejects.toThrow(
    `Cannot listen on ${host}: EADDRINUSE`,
  );
});

/** A sink of this type, to which the mock has said all that it needs. */
function sinkToml(type: string, { endpoint, keys }: Announced): string {
  const params = type === "otlp" ? { endpoint, headers: keys } : { endpoint, ...keys };
  const entries = Object.entries(params).map(([name, value]) => `${name} = ${toml(value)}`);
  return `[[sinks]]\nname = "${type}"\ntype = "${type}"\nparams = { ${entries.join(", ")} }\n`;
}

function toml(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  const entries = Object.entries(Object(value)).map(([name, inner]) => `${name} = ${toml(inner)}`);
  return `{ ${entries.join(", ")} }`;
}

async function post(url: string, events: readonly object[]): Promise<void> {
  const answer = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(answer.status, await answer.text()).toBe(202);
}

function eventOf(kind: string): object {
  const isEnd = kind === "run.ended";
  const end = isEnd
    ? { response: { output: "hello" }, usage: { input: 3, output: 2, source: "provider" } }
    : {};
  return {
    kind,
    time: `2026-11-21T05:00:0${isEnd ? 1 : 0}.000Z`,
    runId: RUN_ID,
    run: {
      type: "llm",
      startTime: "2026-11-21T05:00:00.000Z",
      ...(isEnd && { status: "ok" }),
      request: { model: "gpt-4o", input: "hi" },
      ...end,
    },
  };
}
