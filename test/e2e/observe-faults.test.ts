import { type Emitter, withRun } from "@sluice/sdk";
import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIUserAbortError } from "openai";
import { afterEach, expect, test, vi } from "vitest";
import type { Answer } from "../../packages/sluice/src/testing/provider-server.ts";
import { chatAnswer, chatChunks, chatStream, KEY, type ObserveRig, openObserveRig } from "./observe-rig.ts";
import { until } from "./proxy-rig.ts";

const request = { model: "gpt-4o", messages: [{ role: "user" as const, content: "Hi" }] };
const streamed = { ...request, stream: true as const };
const refused = (status: number, message: string): Answer => ({
  status,
  headers: { "content-type": "application/json", "retry-after-ms": "1" },
  chunks: [Buffer.from(JSON.stringify({ error: { message, type: "some_error", code: "c" } }))],
});

let rig: ObserveRig;
afterEach(async () => {
  vi.useRealTimers();
  await rig.close();
});

/** Answers one request after the other; the last answer stays. */
function script(...answers: readonly Answer[]): void {
  let next = 0;
  rig.provider.answer(() => answers[Math.min(next++, answers.length - 1)] ?? { chunks: [] });
}

/** How the call ends for the application. */
async function outcomeOf(call: () => PromiseLike<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (thrown) {
    return thrown;
  }
}

test("retries are attempts of one run", async () => {
  rig = await openObserveRig();
  script(
    refused(500, "busy"),
    { ...refused(429, "slow down"), fault: { kind: "drop" } },
    chatAnswer("Hello!"),
  );

  const answer = await rig.openai.chat.completions.create(request);

  expect(answer.choices[0]?.message.content).toBe("Hello!");
  expect(rig.events.map((event) => event.kind)).toEqual(["run.started", "run.ended"]);
  expect(rig.ended().run).toMatchObject({
    status: "ok",
    attempts: [{ status: 500 }, { error: "upstream_reset" }, { status: 200 }],
  });
});

test("a call that fails in all its attempts is one run with the last error", async () => {
  rig = await openObserveRig();
  script(refused(503, "first"), refused(500, "second"), refused(429, "last"));

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(thrown).toMatchObject({ status: 429, message: "429 last" });
  expect(rig.of("run.started")).toHaveLength(1);
  expect(rig.ended().run).toMatchObject({
    status: "error",
    reason: "upstream_error",
    error: { message: "last", type: "some_error", code: "c", status: 429 },
    http: { status: 429 },
    attempts: [{ status: 503 }, { status: 500 }, { status: 429 }],
  });
});

test("concurrent calls keep their attempts apart", async () => {
  rig = await openObserveRig();
  const seen = new Set<string>();
  rig.provider.answer(({ body }) => {
    const text = body.toString();
    if (seen.has(text)) return chatAnswer(JSON.parse(text).messages[0].content);
    seen.add(text);
    return refused(500, "once");
  });
  const ask = (content: string) =>
    rig.openai.chat.completions.create({ ...request, messages: [{ role: "user", content }] });

  await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`question ${index}`)));

  expect(rig.of("run.started")).toHaveLength(20);
  for (const { run } of rig.of("run.ended")) {
    expect(run?.attempts).toEqual([{ status: 500 }, { status: 200 }]);
    const asked = JSON.stringify(run?.request?.input);
    expect(asked).toContain(JSON.stringify(run?.response?.output).match(/question \d+/)?.[0]);
  }
});

/** The client's time-outs, moved by hand: `pass` waits until `answers` have come and lets the next one be over. */
function openTimes() {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let answers = 0;
  const fetch: typeof globalThis.fetch = async (...given) => {
    const response = await globalThis.fetch(...given);
    answers++;
    return response;
  };
  const pass = async (answersNeeded: number) => {
    await until(() => answers === answersNeeded && vi.getTimerCount() > 0);
    vi.advanceTimersByTime(OpenAI.DEFAULT_TIMEOUT);
  };
  return { fetch, pass };
}

test("a body that takes too long is asked for again, in the same run", async () => {
  const { fetch, pass } = openTimes();
  rig = await openObserveRig({ fetch });
  script({ ...chatAnswer("never"), fault: { after: 1, kind: "hang" } }, chatAnswer("Hello!"));

  const pending = rig.openai.chat.completions.create(request);
  const answer = pending.then(({ choices }) => choices[0]?.message.content);
  await pass(1);
  await pass(1);

  expect(await answer).toBe("Hello!");
  expect(rig.of("run.started")).toHaveLength(1);
  expect(rig.ended().run).toMatchObject({ status: "ok", attempts: [{ status: 200 }, { status: 200 }] });
});

test("a body that takes too long is a time-out when no retry is left", async () => {
  const { fetch, pass } = openTimes();
  rig = await openObserveRig({ fetch, maxRetries: 0 });
  const headers = { "content-type": "application/json" };
  script({ headers, chunks: [Buffer.from('{"id":"x","choi')], fault: { after: 1, kind: "hang" } });

  const thrown = outcomeOf(() => rig.openai.chat.completions.create(request));
  await pass(1);

  expect(await thrown).toBeInstanceOf(APIConnectionTimeoutError);
  await until(() => rig.of("run.ended").length > 0);
  expect(rig.ended().run).toMatchObject({ status: "incomplete", reason: "timeout" });
});

test("an abort while it waits to ask for a body again is a cancelled run", async () => {
  const { fetch, pass } = openTimes();
  rig = await openObserveRig({ fetch });
  const controller = new AbortController();
  script({ ...chatAnswer("never"), fault: { after: 0, kind: "hang" } });

  const { signal } = controller;
  const thrown = outcomeOf(() => rig.openai.chat.completions.create(request, { signal }));
  await pass(1);
  await until(() => vi.getTimerCount() > 0);
  controller.abort();

  expect(await thrown).toBeInstanceOf(APIUserAbortError);
  expect(rig.ended().run).toMatchObject({ status: "cancelled", reason: "aborted" });
});

test("no answer in time is an error", async () => {
  rig = await openObserveRig({ timeout: 40, maxRetries: 0 });
  script({ chunks: [], fault: { kind: "silent" } });

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(thrown).toBeInstanceOf(APIConnectionTimeoutError);
  expect(rig.ended().run).toMatchObject({
    status: "error",
    reason: "timeout",
    error: { message: /timed out/i },
  });
});

test("a stream that does not begin in time is a time-out, and not given up by the application", async () => {
  rig = await openObserveRig({ timeout: 40, maxRetries: 1 });
  script({ chunks: [], fault: { kind: "silent" } });

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(streamed));

  expect(thrown).toBeInstanceOf(APIConnectionTimeoutError);
  expect(rig.ended().run).toMatchObject({
    reason: "timeout",
    attempts: [{ error: "timeout" }, { error: "timeout" }],
  });
});

test("a call that fails before it is sent is told as unsent, and blames no provider", async () => {
  const apiKey = async () => Promise.reject(new Error("The vault is shut."));
  rig = await openObserveRig({ apiKey });

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(thrown).toBeInstanceOf(Error);
  expect(rig.ended().run).toMatchObject({ status: "error", reason: "unsent", error: { type: "unsent" } });
  expect(rig.ended().run?.error?.message).toContain("The vault is shut.");
});

test("without an emitter calls go through, and onUncaptured is told", async () => {
  rig = await openObserveRig({}, { emitter: undefined as unknown as Emitter });
  script(chatAnswer("Hello!"));

  const answer = await rig.openai.chat.completions.create(request);

  expect(answer.choices[0]?.message.content).toBe("Hello!");
  expect(rig.uncaptured).toEqual(["emitter: The emitter is undefined. Give one, or noopEmitter for none."]);
});

test("a provider that is not there is an error with the system's code", async () => {
  rig = await openObserveRig({ maxRetries: 0 });
  await rig.provider.close();

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(thrown).toBeInstanceOf(APIConnectionError);
  expect(rig.ended().run).toMatchObject({
    status: "error",
    reason: "upstream_refused",
    error: { code: "ECONNREFUSED", message: expect.stringContaining("ECONNREFUSED") },
  });
});

test("an answer that is no JSON is incomplete, and the application gets its own error", async () => {
  rig = await openObserveRig();
  script({ headers: { "content-type": "application/json" }, chunks: [Buffer.from('{"id":"x","choi')] });

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(thrown).toBeInstanceOf(SyntaxError);
  expect(rig.ended().run).toMatchObject({
    status: "incomplete",
    reason: "unreadable",
    response: { id: "x" },
  });
});

test.each([
  ["reset", "upstream_reset", true],
  ["end", "truncated", false],
] as const)(
  "a stream that is cut off by %s is incomplete with what had come",
  async (kind, reason, throws) => {
    rig = await openObserveRig();
    script(chatStream(["Hel", "lo"], { fault: { after: 2, kind } }));
    const words: unknown[] = [];

    const thrown = await outcomeOf(async () => {
      for await (const chunk of await rig.openai.chat.completions.create(streamed)) words.push(chunk);
    });

    expect(thrown instanceof Error).toBe(throws);
    expect(words).toHaveLength(2);
    expect(rig.ended().run).toMatchObject({
      status: "incomplete",
      reason,
      firstTokenTime: expect.any(String),
      response: { output: { content: "Hello" } },
    });
  },
);

test("a consumer that leaves its loop cancels the run, and the request", async () => {
  rig = await openObserveRig();
  script(chatStream(["Hel", "lo"], { fault: { after: 2, kind: "hang" } }));

  for await (const _ of await rig.openai.chat.completions.create(streamed)) break;
  await rig.provider.hungUp(1);
  await until(() => rig.of("run.ended").length > 0);

  expect(rig.ended().run).toMatchObject({ status: "cancelled", reason: "aborted" });
});

test("an abort before the request, while it waits, and while it waits to retry is a cancelled run each", async () => {
  rig = await openObserveRig();
  const abort = (signal: AbortSignal) =>
    outcomeOf(() => rig.openai.chat.completions.create(request, { signal }));

  const before = await abort(AbortSignal.abort());
  script({ chunks: [], fault: { kind: "silent" } });
  const controller = new AbortController();
  const waiting = abort(controller.signal);
  await until(() => rig.provider.received.length === 1);
  controller.abort();
  script({ ...refused(500, "busy"), headers: { "retry-after-ms": "50000" } });
  const second = new AbortController();
  const retrying = abort(second.signal);
  await until(() => rig.provider.received.length === 2);
  await new Promise((resolve) => setImmediate(resolve));
  second.abort();

  const thrown = [before, await waiting, await retrying];
  for (const error of thrown) expect(error).toBeInstanceOf(APIUserAbortError);
  expect(rig.of("run.started")).toHaveLength(3);
  expect(rig.of("run.ended").map(({ run }) => run?.status)).toEqual(["cancelled", "cancelled", "cancelled"]);
});

test("two hundred aborts leave no socket and no open run", async () => {
  rig = await openObserveRig({ maxRetries: 0 });
  script(chatStream(["Hel", "lo"], { fault: { after: 1, kind: "hang" } }));
  const ask = async () => {
    const controller = new AbortController();
    const stream = await rig.openai.chat.completions.create(streamed, { signal: controller.signal });
    for await (const _ of stream) controller.abort();
  };

  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, ask));
  await rig.provider.hungUp(200);
  await until(() => rig.provider.sockets === 0 && rig.of("run.ended").length === 200);

  expect(rig.of("run.started")).toHaveLength(200);
  expect(new Set(rig.of("run.ended").map(({ run }) => run?.status))).toEqual(new Set(["cancelled"]));
  expect(rig.uncaptured).toEqual([]);
});

test("a call whose options cannot be used has no run but its own error", async () => {
  rig = await openObserveRig();

  const thrown = await outcomeOf(() => rig.openai.chat.completions.create(request, { timeout: -1 }));

  expect(String(thrown)).toContain("timeout");
  expect(rig.ended().run).toMatchObject({ status: "error", request: { model: "gpt-4o" } });
});

test("a key that the provider repeats does not come into an event", async () => {
  rig = await openObserveRig();
  script(refused(401, `Incorrect API key provided: ${KEY}.`));

  await outcomeOf(() => rig.openai.chat.completions.create(request));

  expect(rig.ended().run?.error?.message).toBe("Incorrect API key provided: [key].");
});

test("an emitter that throws is told and nothing else", async () => {
  const emit = () => {
    throw new Error("disk full");
  };
  rig = await openObserveRig({}, { emitter: { emit, flush: async () => {}, close: async () => {} } });
  script(chatAnswer("Hello!"));

  const answer = await rig.openai.chat.completions.create(request);

  expect(answer.choices[0]?.message.content).toBe("Hello!");
  expect(rig.uncaptured.at(-1)).toBe("emitter: The emitter threw at 2 events.");
});

test("a rejection that nobody handles is told by the platform as without observe", async () => {
  rig = await openObserveRig({ maxRetries: 0 });
  script(refused(400, "no"));
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const unhandled = new Promise((resolve) => process.once("unhandledRejection", resolve));

  try {
    void rig.openai.chat.completions.create(request).asResponse();
    await expect(unhandled).resolves.toMatchObject({ status: 400 });
  } finally {
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
});

test("a client that cannot be made is told, and its error thrown on", async () => {
  rig = await openObserveRig();
  const events: unknown[] = [];
  const heard = (name: string) => (event: object) => void events.push([name, event]);
  const { observe } = await import("@sluice/sdk");
  const make = () => new OpenAI({ apiKey: "" });

  await withRun(
    { emit: () => {}, flush: async () => {}, close: async () => {} },
    { type: "agent" },
    async (run) => {
      const emitter = {
        emitLLMInitializationStart: heard("start"),
        emitLLMInitializationError: heard("error"),
      };
      const setUp = { model: "gpt-4.1-mini", temperature: 0 };

      expect(() => observe(make, { emitter, setUp })).toThrow("Missing credentials");

      const known = { provider: "openai", model_id: "gpt-4.1-mini", trace_id: run.traceId };
      const error = expect.stringContaining("Missing credentials");
      expect(events).toEqual([
        ["start", { ...known, temperature: 0 }],
        ["error", { ...known, operation: "llm_initialization", error }],
      ]);
    },
  );
});

test("every chunk of a stream is read when the application asks for it, and not before", async () => {
  rig = await openObserveRig();
  const chunks = chatChunks(["a", "b", "c"]);
  const gates = chunks.map(() => Promise.withResolvers<void>());
  script({
    headers: { "content-type": "text/event-stream" },
    chunks,
    pace: (index) => gates[index]?.promise,
  });

  const pending = rig.openai.chat.completions.create(streamed).asResponse();
  gates[0]?.resolve();
  const reader = (await pending).body?.getReader();
  const read: unknown[] = [];
  for (const [index, chunk] of chunks.entries()) {
    gates[index]?.resolve();
    const next = await reader?.read();
    read.push(Buffer.from(next?.value ?? []).equals(chunk));
  }

  expect(read).toEqual(chunks.map(() => true));
  expect((await reader?.read())?.done).toBe(true);
  expect(rig.ended().run?.status).toBe("ok");
});
