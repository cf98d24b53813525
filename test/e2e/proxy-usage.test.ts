import { afterEach, expect, test } from "vitest";
import { openRig, type ProxyRig, post } from "./proxy-rig.ts";

let rig: ProxyRig;
afterEach(() => rig.close());

const SSE = { "content-type": "text/event-stream" };
const REQUEST = '{ "model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hi {"}] }';

function data(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

const WORD = data({
  id: "c",
  model: "m",
  choices: [{ index: 0, delta: { content: 'ü "usage" 🚤' } }],
  usage: null,
});
const STOP = data({
  id: "c",
  model: "m",
  choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
  usage: null,
});
const USAGE = data({ id: "c", model: "m", choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } });
const DONE = "data: [DONE]\n\n";

function stream(cut: number): Buffer[] {
  const bytes = Buffer.from(WORD + STOP + USAGE + DONE);
  return Array.from({ length: Math.ceil(bytes.length / cut) }, (_, index) =>
    bytes.subarray(index * cut, (index + 1) * cut),
  );
}

test.each([1, 2, 7, 100, 100_000])(
  "usage that we asked for is captured and taken out again, cut every %i bytes",
  async (cut) => {
    rig = await openRig({ upstream: { injectUsage: true } });
    rig.provider.answer({ headers: SSE, chunks: stream(cut) });

    const answer = await post(`${rig.baseUrl}/chat/completions`, REQUEST, { "accept-encoding": "gzip" })
      .answer;

    expect(answer.body.toString()).toBe(WORD + STOP + DONE);
    const received = rig.provider.received[0];
    expect(received?.headers["accept-encoding"]).toBe("identity");
    expect(received?.body.toString()).toBe(REQUEST.replace("{", '{"stream_options":{"include_usage":true},'));
    const { run } = await rig.ended();
    expect(run).toMatchObject({ status: "ok", usage: { input: 7, output: 2 } });
    expect(run?.request?.params).toBeUndefined();
  },
);

test("a client that asks itself keeps its chunk", async () => {
  rig = await openRig({ upstream: { injectUsage: true } });
  rig.provider.answer({ headers: SSE, chunks: stream(50) });
  const request = REQUEST.replace("{", '{"stream_options":{"include_usage":true},');

  const answer = await post(`${rig.baseUrl}/chat/completions`, request).answer;

  expect(answer.body.toString()).toBe(WORD + STOP + USAGE + DONE);
  expect(rig.provider.received[0]?.body.toString()).toBe(request);
});

test("without the option nothing is asked for, and what a provider sends unasked stays", async () => {
  rig = await openRig();
  rig.provider.answer({ headers: SSE, chunks: stream(50) });

  const answer = await post(`${rig.baseUrl}/chat/completions`, REQUEST).answer;

  expect(answer.body.toString()).toBe(WORD + STOP + USAGE + DONE);
  expect(rig.provider.received[0]?.body.toString()).toBe(REQUEST);
});

test("a request that does not stream, or is no JSON, goes as it is", async () => {
  rig = await openRig({ upstream: { injectUsage: true } });
  rig.provider.answer({ headers: { "content-type": "application/json" }, chunks: [Buffer.from("{}")] });

  for (const request of ['{"model":"m","messages":[]}', "nonsense", "[1]"]) {
    await post(`${rig.baseUrl}/chat/completions`, request).answer;
    expect(rig.provider.received.at(-1)?.body.toString()).toBe(request);
  }
});

test("an event too long to be usage is passed on before it has ended", async () => {
  rig = await openRig({ upstream: { injectUsage: true } });
  const long = data({ id: "c", choices: [{ index: 0, delta: { content: "y".repeat(60_000) } }] });
  const body = Buffer.from(long + STOP + USAGE + DONE);
  const second = Promise.withResolvers<void>();
  const chunks = [body.subarray(0, 40_000), body.subarray(40_000)];
  rig.provider.answer({ headers: SSE, chunks, pace: (index) => (index === 1 ? second.promise : undefined) });
  const call = post(`${rig.baseUrl}/chat/completions`, REQUEST);

  await call.bytes(39_900);
  second.resolve();

  expect((await call.answer).body.toString()).toBe(long + STOP + DONE);
});
