import { createHmac } from "node:crypto";
import type { Event } from "@sluice/sdk";
import { ManualClock, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { type BackendRequest, startBackend } from "../../testing/backend.ts";
import { llmRun, oddEvents, outgoing } from "../../testing/outgoing.ts";
import { webhookSink } from "./sink.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const forever = new AbortController().signal;
const OLD = `whsec_${Buffer.alloc(24, "o").toString("base64")}`;
const NEW = `whsec_${Buffer.alloc(32, "n").toString("base64")}`;

async function setUp(changes: Record<string, unknown> = {}, clock = systemClock) {
  const backend = await startBackend();
  closers.push(() => backend.close());
  const endpoint = `${backend.url}/in?tenant=1`;
  const settings = webhookSink.options.parse({ endpoint, secrets: [NEW], allow: ["127.0.0.1"], ...changes });
  const context = { name: "hooks", clock, disk: systemDisk, dataDir: "/", warn: () => undefined };
  const sink = await webhookSink.open(settings, context);
  closers.push(() => sink.close());
  const send = (...events: readonly Event[]) => sink.send(events.map(outgoing), forever);
  return { backend, sink, send };
}

/** A receiver's check, as the specification has it: which of the secrets signed this? */
function verify({ headers, body }: BackendRequest, secret: string): boolean {
  const signed = Buffer.concat([
    Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`),
    body,
  ]);
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  return String(headers["webhook-signature"]).split(" ").includes(expected);
}

function faultsOf(changes: Record<string, unknown>): readonly string[] {
  const params = { endpoint: "https://a.example/in", secrets: [NEW], ...changes };
  const parsed = webhookSink.options.safeParse(params);
  return parsed.error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
}

test("an event is posted as it was spooled, byte for byte, and signed (S32)", async () => {
  const { backend, sink } = await setUp({ headers: { "X-Team": "blue" } });
  const raw = Buffer.from('{ "id":"e-1",\t"n":1.0, "text":"\\u00e4\u{1f9f5}" }');

  const delivery = await sink.send([{ id: "e-1", raw, event: llmRun({ id: "e-1" }) }], forever);

  expect(delivery).toEqual({ status: "delivered", httpStatus: 200 });
  const [request] = backend.requests as [BackendRequest];
  expect(request).toMatchObject({ method: "POST", path: "/in?tenant=1" });
  expect(request.body.equals(raw)).toBe(true);
  expect(request.headers).toMatchObject({
    "webhook-id": "e-1",
    "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
    "content-type": "application/json",
    "user-agent": "sluice",
    "x-team": "blue",
  });
  expect(verify(request, NEW)).toBe(true);
});

test("during a rotation either secret verifies, and afterwards the new one alone (S32)", async () => {
  const during = await setUp({ secrets: [OLD, NEW] });
  const after = await setUp({ secrets: [NEW] });

  await during.send(llmRun());
  await after.send(llmRun());

  const [both] = during.backend.requests as [BackendRequest];
  const [one] = after.backend.requests as [BackendRequest];
  expect([verify(both, OLD), verify(both, NEW)]).toEqual([true, true]);
  expect([verify(one, OLD), verify(one, NEW)]).toEqual([false, true]);
  expect(String(both.headers["webhook-signature"]).split(" ")).toHaveLength(2);
});

test.each([{}, { batch: 10 }])(
  "a retry with %j has the same webhook-id and a new timestamp (S32, P3)",
  async (more) => {
    const clock = new ManualClock();
    const { backend, send } = await setUp(more, clock);
    const event = llmRun();
    backend.script({ status: 503 });

    expect(await send(event)).toMatchObject({ status: "retry" });
    await clock.advance(7_000);
    expect(await send(event)).toMatchObject({ status: "delivered" });

    const [first, second] = backend.requests as [BackendRequest, BackendRequest];
    expect(second.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
    expect(Number(second.headers["webhook-timestamp"])).toBe(Number(first.headers["webhook-timestamp"]) + 7);
    expect(second.body.equals(first.body)).toBe(true);
    expect([first, second].every((request) => verify(request, NEW))).toBe(true);
  },
);

test("odd events and odd ids verify at the receiver (S31, S32)", async () => {
  const { backend, send } = await setUp();
  const events = [...oddEvents(), llmRun({ id: "a.b" }), llmRun({ id: "Grüße 🧵" })];

  for (const event of events) expect(await send(event)).toMatchObject({ status: "delivered" });

  expect(backend.requests).toHaveLength(events.length);
  for (const request of backend.requests) {
    expect(verify(request, NEW)).toBe(true);
    expect(String(request.headers["webhook-id"])).not.toContain(".");
  }
});

test("a batch is one array, signed as one message, and its id is not that of another batch", async () => {
  const { backend, send } = await setUp({ batch: 3 });
  const events = [llmRun(), llmRun(), llmRun()];

  expect(await send(...events)).toMatchObject({ status: "delivered" });
  await send(...events.slice(0, 1));

  const [three, one] = backend.requests as [BackendRequest, BackendRequest];
  expect(three.json).toEqual(events);
  expect(one.json).toEqual(events.slice(0, 1));
  expect(verify(three, NEW)).toBe(true);
  expect(three.headers["webhook-id"]).not.toBe(one.headers["webhook-id"]);
});

test("without a batch, several events are several requests, and the first refusal ends them", async () => {
  const { backend, send } = await setUp();
  const events = [llmRun(), llmRun(), llmRun()];
  backend.script("pass", { status: 400, body: "no" });

  expect(await send(...events)).toEqual({
    status: "mixed",
    each: [
      { status: "delivered" },
      { status: "retry", reason: "HTTP 400: no" },
      { status: "retry", reason: "HTTP 400: no" },
    ],
  });

  expect(backend.requests.map(({ headers }) => headers["webhook-id"])).toEqual([
    events[0]?.id,
    events[1]?.id,
  ]);
});

test.each([200, 201, 202, 204])("%i is a yes, whatever the body", async (status) => {
  const { backend, send } = await setUp();
  backend.script({ status, ...(status !== 204 && { body: "<!doctype html>" }) });

  expect(await send(llmRun())).toEqual({ status: "delivered", httpStatus: status });
});

test("410 pauses with a sentence, and keeps the event", async () => {
  const { backend, send } = await setUp();
  backend.script({ status: 410, body: "moved out" });

  expect(await send(llmRun())).toEqual({
    status: "blocked",
    httpStatus: 410,
    reason:
      "HTTP 410: moved out (the receiver wants no more events: one a minute asks again, until the sink is removed)",
  });
});

test("an address that is not public is refused in words that name it and the option (S28)", async () => {
  const { backend, send, sink } = await setUp({ allow: [] });
  const sentence =
    '127.0.0.1 is this machine and is not connected to; if that is meant, allow = ["127.0.0.1/32"] permits it';

  expect(await send(llmRun())).toEqual({ status: "blocked", reason: sentence });
  expect(await sink.check(forever)).toBe(`The receiver cannot be reached: ${sentence}`);
  expect(backend.requests).toHaveLength(0);
});

test("the check sends nothing", async () => {
  const { backend, sink } = await setUp();

  expect(await sink.check(forever)).toBeUndefined();
  expect(backend.requests).toHaveLength(0);
});

test("no secret and no header's value is shown, whatever the receiver echoes (S25)", async () => {
  const { backend, send } = await setUp({ headers: { authorization: "Bearer token-of-mine" } });
  const body = `${NEW} ${NEW.slice(6)} Bearer token-of-mine token-of-mine`;
  backend.script({ status: 401, body });

  expect(await send(llmRun())).toMatchObject({
    reason: "HTTP 401: [secret] [secret] [secret] [secret]",
  });
});

test.each([
  [{ secrets: [] }, /^secrets: /],
  [{ secrets: ["whsec_short"] }, /^secrets\.0: must have standard base64/],
  [{ secrets: [NEW, NEW.slice(0, -16)] }, /^secrets\.1: must hold 24 to 64 bytes, and holds 21$/],
  [{ secrets: new Array(6).fill(NEW) }, /^secrets: /],
  [{ headers: { "webhook-id": "1" } }, /^headers: cannot set webhook-id: the sink does that itself$/],
  [{ allow: ["10.0.0.0/8", "lan"] }, /^allow\.1: is no network like 10\.0\.0\.0\/8$/],
  [{ batch: 1 }, /^batch: /],
  [{ endpoint: "file:///etc/passwd" }, /^endpoint: /],
  [{ endpoint: "gopher://a.example" }, /^endpoint: /],
  [{ endpoint: "https://user:key@a.example/" }, /^endpoint: must not contain a user name/],
  [{ method: "PUT" }, /method/],
])("options with %j are refused at the start (S28, S31, S32)", (changes, words) => {
  expect(faultsOf(changes)).toEqual([expect.stringMatching(words)]);
});

test("a batch, its size and its pace follow the options", () => {
  const base = { endpoint: "https://a.example/in?key=1", secrets: [NEW] };
  const tuned = (more: object) => webhookSink.tune?.(webhookSink.options.parse({ ...base, ...more }));

  expect(tuned({})).toEqual({ events: 1, requestsPerSecond: 100 });
  expect(tuned({ batch: 50, requests_per_second: 3 })).toEqual({ events: 50, requestsPerSecond: 3 });
  expect(webhookSink.destination(webhookSink.options.parse(base))).toBe("https://a.example/in");
});
