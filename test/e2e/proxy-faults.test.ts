import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { Answer } from "../../packages/sluice/src/testing/provider-server.ts";
import { openRig, type ProxyRig, post, type RawCall, type RigOptions, until } from "./proxy-rig.ts";

let rig: ProxyRig;
afterEach(() => rig.close(AbortSignal.abort()));

const CHAT = JSON.stringify({ model: "gpt-4o", stream: true, messages: [{ role: "user", content: "Hi" }] });
const SSE = { "content-type": "text/event-stream; charset=utf-8" };

function chunk(content: string, finish: string | null = null): Buffer {
  const choices = [{ index: 0, delta: { content }, finish_reason: finish }];
  return Buffer.from(`data: ${JSON.stringify({ id: "c-1", model: "gpt-4o-1", choices })}\n\n`);
}

const DONE = Buffer.from("data: [DONE]\n\n");
const WORDS = [chunk("one"), chunk(" two"), chunk(" three"), chunk("", "stop"), DONE];

async function openWith(answer: Answer, options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
  rig.provider.answer(answer);
}

function chat(headers: Record<string, string> = {}): RawCall {
  return post(`${rig.baseUrl}/chat/completions`, CHAT, headers);
}

/** A gate that the provider waits at before each chunk, opened by the test. */
function gate() {
  const opened = new Map<number, PromiseWithResolvers<void>>();
  const at = (index: number) => {
    const known = opened.get(index) ?? Promise.withResolvers<void>();
    opened.set(index, known);
    return known;
  };
  return { pace: (index: number) => at(index).promise, open: (index: number) => at(index).resolve() };
}

test("each chunk reaches the client before the provider sends the next", async () => {
  const { pace, open } = gate();
  await openWith({ headers: SSE, chunks: WORDS, pace });
  const call = chat();

  expect(await call.head).toBe(200);
  let expected = 0;
  for (const [index, bytes] of WORDS.entries()) {
    open(index);
    expected += bytes.length;
    expect((await call.bytes(expected)).length).toBe(expected);
  }

  open(WORDS.length);
  expect((await call.answer).isComplete).toBe(true);
});

test("a client that hangs up aborts the upstream, and the run is cancelled with what was said", async () => {
  const { pace, open } = gate();
  await openWith({ headers: SSE, chunks: WORDS, pace });
  const call = chat();
  open(0);
  open(1);
  await call.bytes(WORDS[0]?.length ?? 0);
  await call.bytes((WORDS[0]?.length ?? 0) + (WORDS[1]?.length ?? 0));

  call.request.destroy();
  await rig.provider.hungUp(1);

  const { run } = await rig.ended();
  expect(run).toMatchObject({ status: "cancelled", reason: "client_gone", http: { status: 200 } });
  expect(run?.response?.output).toEqual({ role: "assistant", content: "one two" });
  expect(run?.firstTokenTime).toBeDefined();
});

test("a client that hangs up after the last word that mattered has had its answer", async () => {
  const { pace, open } = gate();
  await openWith({ headers: SSE, chunks: WORDS, pace });
  const call = chat();
  for (const index of WORDS.keys()) open(index);
  await call.bytes(Buffer.concat(WORDS).length);

  call.request.destroy();

  expect((await rig.ended()).run).toMatchObject({ status: "ok" });
});

test("a client that hangs up before there is an answer cancels the run", async () => {
  await openWith({
    chunks: [Buffer.from("{")],
    pace: () => new Promise(() => {}),
    fault: { after: 0, kind: "hang" },
  });
  const call = chat();
  await until(() => rig.provider.received.length === 1);

  call.request.destroy();
  await rig.provider.hungUp(1);

  expect((await rig.ended()).run).toMatchObject({ status: "cancelled", reason: "client_gone" });
});

test("an upstream that resets in the middle gives the client all that came, and an incomplete run", async () => {
  await openWith({ headers: SSE, chunks: WORDS, fault: { after: 2, kind: "reset" } });

  const answer = await chat().answer;

  expect(answer.isComplete).toBe(false);
  expect(answer.body).toEqual(Buffer.concat(WORDS.slice(0, 2)));
  const { run } = await rig.ended();
  expect(run).toMatchObject({
    status: "incomplete",
    reason: "upstream_reset",
    error: { code: "ECONNRESET" },
  });
  expect(run?.response?.output).toEqual({ role: "assistant", content: "one two" });
});

test("an upstream that refuses the connection is a 502 that OpenAI's SDKs can read", async () => {
  rig = await openRig({ upstream: { baseUrl: "http://127.0.0.1:1" } });

  const answer = await chat().answer;

  expect(answer.status).toBe(502);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  const body = JSON.parse(answer.body.toString());
  expect(body.error).toMatchObject({ type: "sluice_proxy_error", code: "upstream_refused" });
  expect((await rig.ended()).run).toMatchObject({
    status: "error",
    reason: "upstream_refused",
    error: { code: "ECONNREFUSED", status: 502 },
    request: { model: "gpt-4o" },
  });
});

test("an upstream that hangs up without an answer is a 502", async () => {
  await openWith({ chunks: [], fault: { kind: "drop" } });

  const answer = await chat().answer;

  expect(answer.status).toBe(502);
  expect((await rig.ended()).run).toMatchObject({ status: "error", reason: "upstream_reset" });
});

test("a host that nobody knows is a 502 too", async () => {
  rig = await openRig({ upstream: { baseUrl: "http://no-such-host.invalid" } });

  const answer = await chat().answer;

  expect(answer.status).toBe(502);
  expect((await rig.ended()).run).toMatchObject({ status: "error", reason: "upstream_unknown_host" });
});

test("an upstream that never answers is a 504 after its time-out", async () => {
  const clock = new ManualClock();
  await openWith({ chunks: [], fault: { kind: "silent" } }, { clock, upstream: { timeoutMs: 5_000 } });
  const call = chat();
  await until(() => rig.provider.received.length === 1);

  await clock.advance(8_000);

  expect((await call.answer).status).toBe(504);
  await rig.provider.hungUp(1);
  expect((await rig.ended()).run).toMatchObject({
    status: "error",
    reason: "timeout",
    error: { status: 504 },
  });
});

test("an upstream that falls silent in its answer ends the run incomplete, with what it had said", async () => {
  const clock = new ManualClock();
  const fault = { after: 2, kind: "hang" } as const;
  await openWith({ headers: SSE, chunks: WORDS, fault }, { clock, upstream: { timeoutMs: 5_000 } });
  const call = chat();
  await call.bytes(Buffer.concat(WORDS.slice(0, 2)).length);

  await clock.advance(8_000);

  expect((await call.answer).isComplete).toBe(false);
  const { run } = await rig.ended();
  expect(run).toMatchObject({ status: "incomplete", reason: "timeout" });
  expect(run?.response?.output).toEqual({ role: "assistant", content: "one two" });
});

test("an end of the stream without an end of the answer is a truncated run", async () => {
  await openWith({ headers: SSE, chunks: WORDS.slice(0, 2) });

  const answer = await chat().answer;

  expect(answer.isComplete).toBe(true);
  const { run } = await rig.ended();
  expect(run).toMatchObject({ status: "incomplete", reason: "truncated" });
  expect(run?.response?.output).toEqual({ role: "assistant", content: "one two" });
});

test("half a JSON answer is kept as far as it came", async () => {
  const body = Buffer.from('{"id":"c-9","model":"m","choices":[{"message":{"content":"ha');
  const headers = { "content-type": "application/json", "content-length": "500" };
  await openWith({ headers, chunks: [body], fault: { after: 1, kind: "reset" } });

  await chat().answer;

  const { run } = await rig.ended();
  expect(run).toMatchObject({
    status: "incomplete",
    reason: "upstream_reset",
    response: { id: "c-9", model: "m" },
  });
  expect(run?.response?.output).toContain("ha");
});

test("a client that hangs up while it sends still ends its run, with the part of the request that came", async () => {
  await openWith({ chunks: [] });
  const call = post(`${rig.baseUrl}/chat/completions`, "", { "content-length": 1_000 });
  call.request.write('{"model":"gpt-4o","messages":[{"role":"user","content":"never fin');
  await until(() => rig.proxy.active === 1);
  await new Promise((resolve) => setImmediate(resolve));

  call.request.destroy();

  const { run } = await rig.ended();
  expect(run).toMatchObject({ status: "cancelled", reason: "client_gone" });
});

test("a spool that refuses, fails or throws fails no call, and what is lost is counted", async () => {
  const outcomes = [
    async (records: readonly unknown[]) => records.map(() => ({ status: "full" as const, reason: "disk" })),
    async (records: readonly unknown[]) => records.map(() => ({ status: "failed" as const, reason: "EIO" })),
    () => Promise.reject(new Error("broken")),
    () => {
      throw new Error("broken at once");
    },
  ];
  let turn = 0;
  rig = await openRig({
    append: (records) => outcomes[turn++ % outcomes.length]?.(records) ?? Promise.resolve([]),
  });
  rig.provider.answer({ headers: SSE, chunks: WORDS });

  const answers = [];
  for (let call = 0; call < 20; call++) {
    answers.push((await chat().answer).status);
    await rig.events();
  }

  expect(answers).toEqual(Array(20).fill(200));
  const lost = Object.values(rig.uncaptured).reduce((sum, n) => sum + n, 0);
  expect(lost).toBe(40);
  expect(Object.keys(rig.uncaptured).sort()).toEqual(["spool_failed", "spool_full"]);
});

test("a spool that hangs delays no call", async () => {
  rig = await openRig({ append: () => new Promise(() => {}) });
  rig.provider.answer({ headers: SSE, chunks: WORDS });

  const answers = await Promise.all(Array.from({ length: 20 }, () => chat().answer));

  expect(answers.map((answer) => answer.isComplete)).toEqual(Array(20).fill(true));
});

test("a thousand aborts on either side leave no connection behind (T76)", async () => {
  const seed = 7;
  const { pace, open } = gate();
  open(0);
  await openWith({ headers: SSE, chunks: WORDS, pace });
  rig.provider.answer(() =>
    rig.provider.received.length % 2 === 0
      ? { headers: SSE, chunks: WORDS, pace }
      : {
          headers: SSE,
          chunks: WORDS,
          fault: { after: (rig.provider.received.length + seed) % 4, kind: "reset" },
        },
  );

  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 50 }, () => chat());
    await Promise.all(
      calls.map((call) => Promise.race([call.head.catch(() => 0), call.answer.catch(() => 0)])),
    );
    for (const call of calls) call.request.destroy();
    await until(() => rig.proxy.active === 0);
  }

  await until(() => rig.clientSockets() === 0);
  await until(() => rig.proxy.sockets === rig.provider.sockets);
  const events = await rig.events();
  expect(events.filter((event) => event.kind === "run.ended")).toHaveLength(1_000);
  expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
  await rig.proxy.close();
  await until(() => rig.provider.sockets === 0);
});

test("shutting down ends what is on its way, and says so", async () => {
  const { pace, open } = gate();
  await openWith({ headers: SSE, chunks: WORDS, pace });
  const call = chat();
  open(0);
  await call.bytes(WORDS[0]?.length ?? 0);
  await rig.proxy.settled();

  await rig.proxy.close();

  expect((await call.answer).isComplete).toBe(false);
  const { run } = await rig.ended();
  expect(run).toMatchObject({ status: "incomplete", reason: "shutdown" });
  expect(run?.response?.output).toEqual({ role: "assistant", content: "one" });
});
