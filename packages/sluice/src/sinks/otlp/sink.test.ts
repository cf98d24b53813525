import { gunzipSync } from "node:zlib";
import type { Event, Run } from "@sluice/sdk";
import { spanIdOf, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { type OtlpServerOptions, startOtlpServer } from "../../testing/otlp-server.ts";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { otlpSink } from "./sink.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const forever = new AbortController().signal;

async function setUp(changes: Record<string, unknown> = {}, options: OtlpServerOptions = {}) {
  const server = await startOtlpServer(options);
  closers.push(() => server.close());
  const warnings: string[] = [];
  const sink = await openSink(server.url, changes, warnings);
  const send = (...events: readonly Event[]) => sink.send(events.map(outgoing), forever);
  return { server, sink, send, warnings };
}

async function openSink(endpoint: string, changes: Record<string, unknown> = {}, warnings: string[] = []) {
  const settings = otlpSink.options.parse({ endpoint, ...changes });
  const context = {
    name: "traces",
    clock: systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: (message: string) => void warnings.push(message),
  };
  const sink = await otlpSink.open(settings, context);
  closers.push(() => sink.close());
  return sink;
}

function ended(run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ runId: "run-1", ...event });
  return { ...base, run: { type: "llm", ...base.run, ...run } };
}

const ENCODINGS = ["protobuf", "json"] as const;

test.each(ENCODINGS)("both encodings on one port: a run arrives whole in %s", async (encoding) => {
  const { server, send } = await setUp({ encoding, content: true, resource: { "service.name": "shop" } });
  const event = ended(
    { cost: { totalUsd: 0.25, prices: "table" } },
    { session: { id: "s-1" }, metadata: { big: 12_345_678_901, part: 0.5, yes: true } },
  );

  expect(await send(event)).toEqual({ status: "delivered", httpStatus: 200 });

  expect(server.requests[0]?.headers).toMatchObject({
    "content-type": encoding === "json" ? "application/json" : "application/x-protobuf",
    "user-agent": "sluice",
  });
  expect(server.spans).toMatchObject([
    {
      resource: { "service.name": "shop" },
      scope: "sluice",
      schemaUrl: "https://opentelemetry.io/schemas/1.41.0",
      spanId: spanIdOf("run-1"),
      name: "chat gpt-4.1-mini",
      kind: 3,
      startTimeUnixNano: 1_767_225_600_000_000_000n,
      endTimeUnixNano: 1_767_225_601_000_000_000n,
      status: { code: 0, message: "" },
      attributes: {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cost": 0.25,
        "gen_ai.conversation.id": "s-1",
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hello"}]}]',
        "sluice.meta.big": 12_345_678_901,
        "sluice.meta.part": 0.5,
        "sluice.meta.yes": true,
      },
    },
  ]);
});

test("in JSON ids are hex and not base64, kinds are numbers, and 64 bits are decimal text", async () => {
  const { server, send } = await setUp({ encoding: "json" });

  await send(ended());

  const text = server.requests[0]?.body.toString() ?? "";
  expect(text).toContain(`"spanId":"${spanIdOf("run-1")}"`);
  expect(text).toContain('"kind":3,"startTimeUnixNano":"1767225600000000000"');
  expect(text).toContain('{"key":"gen_ai.usage.input_tokens","value":{"intValue":"5"}}');
});

test("what was said is sent only when it is asked for", async () => {
  const { server, send } = await setUp();

  await send(ended({ request: { input: "top secret" }, response: { output: "also secret" } }));

  expect(server.requests[0]?.body.toString()).not.toContain("secret");
});

test("gzip is off unless it is asked for, as Lunary cannot read it, and is undone by those who can", async () => {
  const plain = await setUp();
  const small = await setUp({ gzip: true });
  const event = ended();

  await plain.send(event);
  expect(await small.send(event)).toMatchObject({ status: "delivered" });

  const [body, packed] = [plain, small].map(({ server }) => server.requests[0]?.body ?? Buffer.alloc(0));
  expect(small.server.requests[0]?.headers["content-encoding"]).toBe("gzip");
  expect(plain.server.requests[0]?.headers).not.toHaveProperty("content-encoding");
  expect(packed && gunzipSync(packed)).toEqual(body);
  expect(small.server.spans).toEqual(plain.server.spans);
});

test("OTLP has no dedupe: a batch that is sent again after kill -9 has the same bytes, ids and times", async () => {
  const { server, send } = await setUp();
  const events = [ended(), ended({ type: "tool" }, { runId: "run-2", parentRunId: "run-1" })];
  await send(...events);

  const other = await openSink(server.url);
  await other.send(events.map(outgoing), forever);

  const [first, second] = server.requests;
  expect(second?.body).toEqual(first?.body);
  expect(server.spans.slice(2)).toEqual(server.spans.slice(0, 2));
});

test.each([429, 502, 503, 504])("%i is among the four statuses that are sent again", async (status) => {
  const { server, send } = await setUp();
  server.script({ status });

  expect(await send(ended())).toMatchObject({ status: "retry", httpStatus: status });
});

test("a connection that is lost is sent again", async () => {
  const { server, send } = await setUp();
  server.script("reset");

  expect(await send(ended())).toMatchObject({ status: "retry" });
});

test.each([400, 408, 409, 422, 425, 500, 501, 505, 507])(
  "%i must not be sent again, as OTLP has it: the batch is rejected",
  async (status) => {
    const { server, send } = await setUp();
    server.script({ status });

    expect(await send(ended())).toMatchObject({ status: "rejected", httpStatus: status });
  },
);

test.each([401, 402, 403, 404, 407])("%i is for a person to mend: the sink pauses", async (status) => {
  const { server, send } = await setUp();
  server.script({ status });

  expect(await send(ended())).toMatchObject({ status: "blocked", httpStatus: status });
});

test("Retry-After is heard in seconds and as a date", async () => {
  const { server, send } = await setUp();
  const date = "Sat, 21 Nov 2026 05:00:00 GMT";
  server.script(
    { status: 503, headers: { "retry-after": "7" } },
    { status: 429, headers: { date, "retry-after": "Sat, 21 Nov 2026 05:01:00 GMT" } },
  );

  expect(await send(ended())).toMatchObject({ status: "retry", retryAfterMs: 7_000 });
  expect(await send(ended())).toMatchObject({ status: "retry", retryAfterMs: 60_000 });
});

test.each(ENCODINGS)(
  "partial success in %s is partly: so many are lost, and none is sent again",
  async (encoding) => {
    const { server, send } = await setUp({ encoding });
    server.rejectSpans((span) => (span.attributes["error.type"] ? "no errors, please" : undefined));
    const bad = ended({ status: "error", error: { message: "x" } }, { runId: "run-2" });

    expect(await send(ended(), bad)).toEqual({
      status: "partly",
      rejected: 1,
      reason: "no errors, please",
      httpStatus: 200,
    });
    expect(server.spans).toHaveLength(1);
  },
);

test("where all spans are rejected it is known which: each is a dead letter, and none is sent again", async () => {
  const { server, send } = await setUp();
  server.rejectSpans(() => "too old");
  const rejected = { status: "rejected", reason: "too old" };

  expect(await send(ended(), { ...ended(), kind: "run.scored" }, ended())).toEqual({
    status: "mixed",
    each: [rejected, { status: "skipped", reason: "unmapped" }, rejected],
    httpStatus: 200,
  });
});

test("an event that cannot be read is among the lost ones of a partial success", async () => {
  const { server, send } = await setUp();
  server.rejectSpans((span) => (span.attributes["error.type"] ? "no errors" : undefined));
  const bad = ended({ status: "error", error: { message: "x" } });

  expect(await send(ended(), bad, ended({ startTime: "yesterday" }))).toMatchObject({
    status: "partly",
    rejected: 2,
  });
});

test.each(ENCODINGS)("a message without rejected spans in %s is a warning, said once", async (encoding) => {
  const { server, send, warnings } = await setUp({ encoding });
  server.warn("you are close to your quota");

  for (const _ of [1, 2]) expect(await send(ended())).toMatchObject({ status: "delivered" });

  expect(warnings).toEqual(["The server of traces took all spans, and says: you are close to your quota"]);
});

test("the words of a refusal are those of its Status, in protobuf too", async () => {
  for (const encoding of ENCODINGS) {
    const { server, send } = await setUp({ encoding }, { key: { header: "x-key", value: "k" } });

    expect(await send(ended())).toEqual({
      status: "blocked",
      reason: "HTTP 401: no such key",
      httpStatus: 401,
    });
    expect(server.spans).toEqual([]);
  }
});

test("Langfuse v4 answers protobuf with JSON about a queue: any object of JSON is a yes", async () => {
  const { server, send } = await setUp();
  server.script({ body: { id: "job-1", name: "otel-ingestion-job", data: {} } });

  expect(await send(ended())).toMatchObject({ status: "delivered" });
});

test.each(["html", { headers: { "content-type": "application/x-protobuf" }, body: "<html>" }] as const)(
  "what is no answer of OTLP is no success, whatever its status is",
  async (step) => {
    const { server, send } = await setUp();
    server.script(step);

    expect(await send(ended())).toMatchObject({
      status: "retry",
      reason: expect.stringContaining("the answer is not that of OTLP"),
    });
  },
);

test("an answer is read up to 4 MiB, as the protocol has it, and a longer one is not believed", async () => {
  const { server, send } = await setUp();
  const headers = { "content-type": "application/x-protobuf" };
  // Field 15 over and over: a later version's, which is passed over wherever the answer is cut.
  const mebibytes = (count: number) => Buffer.alloc(count * 1024 * 1024, Uint8Array.of(0x78, 0x01));
  server.script({ headers, body: mebibytes(3) }, { headers, body: mebibytes(5) });

  expect(await send(ended())).toMatchObject({ status: "delivered" });
  expect(await send(ended())).toMatchObject({
    status: "retry",
    reason: expect.stringContaining("does not end"),
  });
});

test("Phoenix takes protobuf only: the 415 for JSON pauses the sink and says what to change", async () => {
  const { send } = await setUp({ encoding: "json" }, { encodings: ["protobuf"] });

  expect(await send(ended())).toMatchObject({
    status: "blocked",
    reason: expect.stringContaining('try encoding = "protobuf"'),
  });
});

test("413 is tooLarge, before and after decompression, so that the route splits the batch", async () => {
  const tags = ["x".repeat(5_000)];
  const plain = await setUp({}, { bodyBytesMax: 4_000 });
  const packed = await setUp({ gzip: true }, { bodyBytesMax: 4_000 });

  for (const { send, server } of [plain, packed]) {
    expect(await send(ended({}, { tags }))).toMatchObject({ status: "tooLarge", httpStatus: 413 });
    expect(server.spans).toEqual([]);
  }
  expect(packed.server.requests[0]?.body.length).toBeLessThan(4_000);
});

test("a batch is 512 spans and 4 MB at most: above that it is not sent, and the route splits it", async () => {
  const { server, send } = await setUp();
  const tags = ["x".repeat(3_000_000)];

  expect(otlpSink.limits).toEqual({ events: 512, bytes: 4_000_000 });
  expect(await send(ended({}, { tags }), ended({}, { tags }))).toMatchObject({ status: "tooLarge" });
  expect(server.requests).toHaveLength(0);
  expect(await send(ended({}, { tags: [...tags, ...tags] }))).toMatchObject({ status: "delivered" });
});

test("an event that cannot be read is rejected alone, and one without a span is skipped", async () => {
  const { server, send } = await setUp();
  const broken = ended({ startTime: "yesterday" }, { runId: "run-2" });

  expect(await send(broken, ended(), { ...ended(), kind: "run.scored" })).toMatchObject({
    status: "mixed",
    each: [{ status: "rejected" }, { status: "delivered" }, { status: "skipped", reason: "unmapped" }],
  });
  expect(server.spans).toHaveLength(1);
});

test("an event whose name is none cannot be encoded: the batch is rejected, so that the route cuts it", async () => {
  const { server, send } = await setUp({ encoding: "json" });
  const broken = ended(JSON.parse('{"type":"own","name":7}'));

  expect(await send(ended(), broken)).toMatchObject({ status: "rejected" });
  expect(server.requests).toHaveLength(0);
});

test("the check is an empty export, which a server answers with 200", async () => {
  for (const encoding of ENCODINGS) {
    const { server, sink } = await setUp({ encoding });

    expect(await sink.check(forever)).toBeUndefined();
    server.script({ status: 404, body: "404 page not found" });
    expect(await sink.check(forever)).toBe(
      "Spans cannot be sent: HTTP 404: 404 page not found (is the endpoint right?)",
    );
    expect(server.spans).toEqual([]);
    // Elastic's server takes a body without bytes for none.
    for (const { body } of server.requests) expect(body.length).toBeGreaterThan(0);
  }
});

test("a server that reads no gzip calls all broken: that blocks, and costs no event", async () => {
  const { server, sink, send } = await setUp({ gzip: true }, { takesGzip: false });

  expect(await send(ended())).toMatchObject({
    status: "blocked",
    httpStatus: 400,
    reason: expect.stringMatching(/^HTTP 400: .* \(not every server reads gzip: try gzip = false\)$/),
  });
  expect(await sink.check(forever)).toMatch(/try gzip = false/);
  expect(server.spans).toEqual([]);
});

test("a server that reads gzip and refuses an event refuses that event", async () => {
  const { server, send } = await setUp({ gzip: true });
  server.script({ status: 400, body: "no" });

  expect(await send(ended())).toMatchObject({ status: "rejected", reason: "HTTP 400: no" });
  server.script({ status: 400, body: "no" });
  expect(await send(ended())).toMatchObject({ status: "rejected", reason: "HTTP 400: no" });
  // One export of nothing, and never again.
  expect(server.requests).toHaveLength(3);
});

test("a base URL gets /v1/traces, and any other path stays", () => {
  const destination = (endpoint: string) => otlpSink.destination(otlpSink.options.parse({ endpoint }));

  expect(destination("http://localhost:4318")).toBe("http://localhost:4318/v1/traces");
  expect(destination("https://api.braintrust.dev/otel/v1/traces")).toBe(
    "https://api.braintrust.dev/otel/v1/traces",
  );
});

test("never OTLP to Lunary: the page says so", () => {
  expect(otlpSink.docs?.notes?.join("\n")).toMatch(/Lunary's own OTLP route .* use the `lunary` sink/);
});
