import { crc32 } from "node:zlib";
import { kindCode } from "@sluice/sdk";
import { deriveId } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_PARTIAL } from "../../spool/spool.ts";
import { openIngest } from "../../testing/ingest-door.ts";

const time = "2026-11-21T04:00:00Z";
const event = (id: string, more: object = {}) => ({ id, kind: "test.happened", time, ...more });
const json = JSON.stringify;

test("one event is stored as the bytes it came in", async () => {
  await using door = await openIngest();
  const text =
    '{"kind":"test.happened", "n":9007199254740993,"x":1.0,"__proto__":{"a":1}, "id":"e-1",' +
    '"time":"2026-11-21T04:00:00Z"}';

  const answer = await door.post(`\n ${text} \n`);

  expect(answer.status).toBe(202);
  expect(answer.body).toEqual({ accepted: 1, durability: "disk" });
  expect(door.intake.bodies).toEqual([text]);
  expect(door.intake.records[0]?.received.crc).toBe(crc32(text));
});

test("the answer waits for the append (P1)", async () => {
  await using door = await openIngest();
  const gate = Promise.withResolvers<void>();
  door.intake.gate = gate.promise;
  let isAnswered = false;

  const answer = door.post(json(event("e-1"))).finally(() => {
    isAnswered = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  const before = isAnswered;
  gate.resolve();

  expect(before).toBe(false);
  expect((await answer).status).toBe(202);
});

test("an event without id and time gets both, in front of its own bytes", async () => {
  await using door = await openIngest();

  const answer = await door.post('{"kind":"test.happened","n":1.0}');

  const id = door.intake.records[0]?.id ?? "";
  expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
  expect(answer.body).toMatchObject({ accepted: 1, items: [{ index: 0, id, status: "accepted" }] });
  expect(door.intake.bodies).toEqual([
    `{"id":"${id}","time":"2026-11-21T05:00:00.000Z","kind":"test.happened","n":1.0}`,
  ]);
});

test("an event written over several lines is stored as one", async () => {
  await using door = await openIngest();

  await door.post(JSON.stringify(event("e-1", { text: "a\nb" }), null, 2).replaceAll("\n", "\r\n"));

  expect(door.intake.bodies[0]).not.toMatch(/[\r\n]/);
  expect(door.intake.events).toEqual([event("e-1", { text: "a\nb" })]);
});

test("the record's header says what routes need to know", async () => {
  await using door = await openIngest();
  const run = { type: "llm", startTime: time };
  const start = { id: "s", kind: "run.started", time, runId: "r-1", traceId: "t-1", run };
  const piece = { id: "p", kind: "run.ended", time, runId: "r-1", run: { type: "llm", status: "ok" } };
  const end = { kind: "run.ended", time, runId: "r-1", run: { ...run, status: "ok" } };

  await door.post(json([start, piece, end]));

  const headers = door.intake.records.map(({ body: _body, received: _received, ...rest }) => rest);
  const [started, ended] = [kindCode("run.started"), kindCode("run.ended")];
  expect(headers).toEqual([
    { id: "s", kindCode: started, flags: 0, runId: "r-1", orderKey: "t-1" },
    { id: "p", kindCode: ended, flags: FLAG_PARTIAL, runId: "r-1", orderKey: "r-1" },
    { id: deriveId("r-1", "ended"), kindCode: ended, flags: 0, runId: "r-1", orderKey: "r-1" },
  ]);
});

test("a start without a time has that of its run", async () => {
  await using door = await openIngest();

  await door.post(json({ id: "s", kind: "run.started", runId: "r", run: { type: "llm", startTime: time } }));

  expect(door.intake.events[0]?.["time"]).toBe(time);
});

test.each([
  ["piece", { type: "llm", status: "ok" }],
  ["complete end", { type: "llm", status: "ok", startTime: time }],
])("a %s that is sent twice, without an id and later, is a duplicate", async (_name, run) => {
  await using door = await openIngest();
  const piece = json({ kind: "run.ended", runId: "r-1", run });

  const first = await door.post(piece);
  await door.clock.advance(5_000);
  const second = await door.post(piece);

  expect([first.status, second.status]).toEqual([202, 202]);
  expect(second.body).toMatchObject({ accepted: 0, duplicates: 1, items: [{ status: "duplicate" }] });
});

test("the same event again is a success, and another under its id a conflict (P3)", async () => {
  await using door = await openIngest();
  await door.post(json(event("e-1")));

  const again = await door.post(json(event("e-1")));
  const other = await door.post(json(event("e-1", { more: 1 })));

  expect(again.status).toBe(202);
  expect(again.body).toMatchObject({ accepted: 0, duplicates: 1 });
  expect(other.status).toBe(409);
  expect(other.body).toMatchObject({ code: "conflict", field: "id", index: 0 });
});

test("what cannot be parsed names its index and its field, counted from the event's own start", async () => {
  await using door = await openIngest();
  const deep = `{"kind":"a.b","data":${"[".repeat(70)}${"]".repeat(70)}}`;
  const ndjson = { "content-type": "application/x-ndjson" };

  const tooDeep = await door.post(`[${json(event("e-1"))},${deep}]`);
  const broken = await door.post(`[${json(event("e-2"))},{"kind":"a.b","data":{"x":`);
  const single = await door.post('{"kind":"a.b","tags":[}');
  const line = await door.post(`${json(event("e-3"))}\n${deep}\n`, ndjson);

  const found = { code: "too_deep", field: "data", detail: expect.stringContaining("its byte 84 ") };
  expect(tooDeep.body["items"]).toMatchObject([{ status: "accepted" }, { index: 1, ...found }]);
  expect(line.body["items"]).toMatchObject([{ status: "accepted" }, { index: 1, ...found }]);
  expect(broken.body).toMatchObject({ status: 400, code: "malformed_json", index: 1, field: "data" });
  expect(single.body).toMatchObject({ status: 400, code: "malformed_json", index: 0, field: "tags" });
});

test("good items of an array are kept and bad ones named", async () => {
  await using door = await openIngest();
  const bad = [json(event("e-2", { time: "soon" })), '{"id":"e-3","kind":}', "7", "{}"];
  const body = `[${json(event("e-1"))},${bad.join(",")},${json(event("e-9"))}]`;

  const answer = await door.post(body);

  expect(answer.status).toBe(207);
  expect(door.intake.records.map(({ id }) => id)).toEqual(["e-1", "e-9"]);
  expect(answer.body).toMatchObject({ accepted: 2, rejected: 4 });
  expect(answer.body["items"]).toMatchObject([
    { index: 0, id: "e-1", status: "accepted" },
    { index: 1, status: "rejected", code: "invalid_field", field: "time" },
    { index: 2, status: "rejected", code: "malformed_json" },
    { index: 3, status: "rejected", code: "invalid_field", field: "" },
    { index: 4, status: "rejected", code: "missing_field", field: "kind" },
    { index: 5, id: "e-9", status: "accepted" },
  ]);
  expect(door.refused).toEqual(["invalid_field", "malformed_json", "invalid_field", "missing_field"]);
});

test("a bad line costs only itself, also one that is not UTF-8 (S14)", async () => {
  await using door = await openIngest();
  const body = Buffer.concat([
    Buffer.from(`\ufeff${json(event("e-1"))}\r\n\n{"id":"e-2","kind":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from(`"}\n{"kind":\n[]\n{} {}\n  ${json(event("e-3"))}`),
  ]);

  const answer = await door.lines(body);

  expect(answer.status).toBe(207);
  expect(door.intake.records.map(({ id }) => id)).toEqual(["e-1", "e-3"]);
  const items = answer.body["items"] as readonly { code?: string }[];
  expect(items.map(({ code }) => code)).toEqual([
    ...[undefined, "invalid_utf8", "malformed_json", "invalid_field", "malformed_json", undefined],
  ]);
});

test("several values in a JSON body are read as lines", async () => {
  await using door = await openIngest();

  const answer = await door.post(`${json(event("e-1"))}\n${json(event("e-2"))}\n`);

  expect(answer.body).toEqual({ accepted: 2, durability: "disk" });
});

test("items without a good one among them are a problem with the first one's name", async () => {
  await using door = await openIngest();

  const answer = await door.post(json([event("e-1", { tags: "x" }), event("", {})]));

  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.body).toMatchObject({ code: "invalid_field", field: "tags", index: 0, status: 400 });
  expect(answer.body["items"]).toHaveLength(2);
});

test.each([
  ["too deep", `{"id":"e","kind":"k","a":${"[".repeat(64)}${"]".repeat(64)}}`, 422, "too_deep"],
  [
    "too many keys",
    `{"kind":"k",${Array.from({ length: 10_001 }, (_, n) => `"${n}":1`)}}`,
    422,
    "too_many_keys",
  ],
  ["too many values", `{"kind":"k","a":[${"1,".repeat(100_000)}1]}`, 422, "too_many_values"],
  ["too long a key", `{"kind":"k","${"x".repeat(1025)}":1}`, 422, "key_too_long"],
  ["too long a string", `{"kind":"k","a":"${"x".repeat(8 * 1024 * 1024 + 1)}"}`, 422, "string_too_long"],
  [
    "endless usage",
    '{"kind":"k","run":{"type":"llm","usage":{"source":"provider","input":1e400}}}',
    422,
    "out_of_range",
  ],
  ["no JSON", '{"kind":', 400, "malformed_json"],
  ["nothing", "  ", 400, "empty_body"],
  ["an empty array of events", "[]", 400, "empty_body"],
  ["too many events", `[${"1,".repeat(10_000)}1]`, 413, "too_many_items"],
])("%s is refused with nothing stored (S16, S17)", async (_name, body, status, code) => {
  await using door = await openIngest();

  const answer = await door.post(body);

  expect([answer.status, answer.body["code"]]).toEqual([status, code]);
  expect(door.intake.records).toEqual([]);
});

test("an event too deep leaves its neighbours in the same batch", async () => {
  await using door = await openIngest();
  const deep = `{"id":"d","kind":"k","a":${"[".repeat(64)}${"]".repeat(64)}}`;

  const answer = await door.post(`[${json(event("e-1"))},${deep},${json(event("e-2"))}]`);

  expect(answer.status).toBe(207);
  expect(answer.body["items"]).toMatchObject([{}, { index: 1, code: "too_deep" }, {}]);
  expect(door.intake.records.map(({ id }) => id)).toEqual(["e-1", "e-2"]);
});

test("the answer says what the source's acknowledgements are worth (P1)", async () => {
  await using door = await openIngest();
  door.intake.durability = "os";

  expect((await door.post(json(event("e-1")))).body).toEqual({ accepted: 1, durability: "os" });
});

test("a disk that does not answer is 503 storage_slow, with a time to come back (P7, T13b)", async () => {
  await using door = await openIngest();
  door.intake.refusal = { status: "slow", reason: "the disk does not answer" };

  const answer = await door.post(json(event("e-1")));

  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("5");
  expect(answer.body).toMatchObject({ code: "storage_slow", detail: "the disk does not answer" });
  expect(door.refused).toEqual(["storage_slow"]);
});

test("a full spool is 503 with the reason and a time to come back, and claims nothing", async () => {
  await using door = await openIngest();
  door.intake.refusal = { status: "full", reason: "the backlog of sink lunary holds all the space" };

  const answer = await door.post(json([event("e-1"), event("e-2"), {}]));

  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.body).toMatchObject({ code: "spool_full", index: 0 });
  expect(answer.body["detail"]).toContain("lunary");
  expect(answer.body["items"]).toMatchObject([
    { status: "unavailable" },
    { status: "unavailable" },
    { status: "rejected" },
  ]);
});

test("run payloads are told by their fields, also between canonical events", async () => {
  await using door = await openIngest();
  const payload = { type: "llm", event: "start", runId: "r-1", name: "gpt-4o", timestamp: 1_795_237_200_000 };

  const answer = await door.post(json([payload, event("e-1"), { ...payload, event: "end" }]));

  expect(answer.status).toBe(202);
  expect(door.intake.events).toMatchObject([
    { kind: "run.started", runId: "r-1", run: { type: "llm", name: "gpt-4o" } },
    { kind: "test.happened" },
    { kind: "run.ended" },
  ]);
  expect(door.intake.records.map(({ flags }) => flags)).toEqual([0, 0, FLAG_PARTIAL]);
});

test("a run payload that is sent again is a duplicate under the same id", async () => {
  await using door = await openIngest();
  const payload = json({
    type: "llm",
    event: "end",
    runId: "r-1",
    tokensUsage: { prompt: 1, completion: 2 },
  });

  await door.post(payload);
  await door.clock.advance(5_000);
  const again = await door.post(payload);

  expect(again.body).toMatchObject({ accepted: 0, duplicates: 1 });
});

test("what could be either dialect is refused until the query says which", async () => {
  await using door = await openIngest();
  const both = json(event("e-1", { runId: "r", event: "start", type: "llm" }));

  const unsaid = await door.post(both);
  const canonical = await door.post(both, {}, "?dialect=canonical");
  const payload = await door.post(both, {}, "?dialect=run-payload");
  const wrong = await door.post(both, {}, "?dialect=lunary");

  expect([unsaid.status, unsaid.body["code"]]).toEqual([400, "ambiguous_dialect"]);
  expect([canonical.status, payload.status, wrong.status]).toEqual([202, 202, 400]);
  expect(door.intake.events.map(({ kind }) => kind)).toEqual(["test.happened", "run.started"]);
});

const init = { event_type: "LLM_INITIALIZATION_START", provider: "openai", model_id: "m", trace_id: "" };
const answer = {
  id: "b-1",
  event_type: "llm_response",
  metadata: { provider: "openai", model: "m", input_tokens: 7 },
  created_at: time,
};

test.each([
  ["lifecycle", init, "init.started"],
  ["business", answer, "run.ended"],
])("a %s payload is taken as such, told by its keys or by the query", async (dialect, payload, kind) => {
  await using door = await openIngest();

  const told = await door.post(json(payload));
  const named = await door.post(
    json({ ...payload, ...("id" in payload && { id: "b-2" }) }),
    {},
    `?dialect=${dialect}`,
  );

  expect([told.status, named.status]).toEqual([202, 202]);
  expect(door.intake.events).toMatchObject(Array(2).fill({ kind, origin: { dialect } }));
  expect(door.intake.records.map(({ kindCode: code }) => code)).toEqual([kindCode(kind), kindCode(kind)]);
});

test("a lifecycle payload sent twice is two facts, a business event sent twice is one", async () => {
  await using door = await openIngest();

  const answers = [await door.post(json([init, answer])), await door.post(json([init, answer]))];

  expect(answers.map(({ body }) => [body["accepted"], body["duplicates"]])).toEqual([
    [2, undefined],
    [1, 1],
  ]);
});

test("what could be lifecycle or business is refused until the query says which", async () => {
  await using door = await openIngest();
  const both = { ...init, ...answer };

  const unsaid = await door.post(json(both));
  const business = await door.post(json(both), {}, "?dialect=business");
  const lifecycle = await door.post(json({ ...both, id: "l-1" }), {}, "?dialect=lifecycle");

  expect([unsaid.status, unsaid.body["code"]]).toEqual([400, "ambiguous_dialect"]);
  expect(unsaid.body["detail"]).toContain("?dialect=business or ?dialect=lifecycle");
  expect([business.status, lifecycle.status]).toEqual([202, 202]);
  const origins = ["business", "lifecycle"].map((dialect) => ({ origin: { dialect } }));
  expect(door.intake.events).toMatchObject(origins);
});

test.each([
  [
    "lifecycle",
    { ...init, temperature: "hot" },
    "temperature",
    "must be a number, not a string of 3 characters",
  ],
  ["business", { ...answer, metadata: [] }, "metadata", "must be an object, not a list"],
])("a %s payload that is wrong is refused by the field's own name", async (_, payload, field, detail) => {
  await using door = await openIngest();

  const refused = await door.post(json(payload));

  expect([refused.status, refused.body["field"], refused.body["detail"]]).toEqual([
    400,
    field,
    `${field} ${detail}.`,
  ]);
});

test.each(["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin1"])(
  "content-type %j is refused, so that a web page cannot send events",
  async (contentType) => {
    await using door = await openIngest();

    const answer = await door.post(json(event("e-1")), { "content-type": contentType });

    expect([answer.status, answer.body["code"]]).toEqual([415, "unsupported_content_type"]);
  },
);

test("another method is refused with the one that works", async () => {
  await using door = await openIngest();

  const response = await fetch(door.url);

  expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
});

test("the request id comes back, on success and on refusal", async () => {
  await using door = await openIngest();
  const headers = { "x-request-id": "req-42" };

  const good = await door.post(json(event("e-1")), headers);
  const bad = await door.post("{", headers);

  expect([good.headers.get("x-request-id"), bad.headers.get("x-request-id")]).toEqual(["req-42", "req-42"]);
});

test("no answer repeats what was sent", async () => {
  await using door = await openIngest();
  const secret = "sk-secret";
  const bodies = [
    `{"kind":"k","a":${secret}}`,
    json({ kind: secret, time: secret }),
    json({ kind: "k", runId: "r", tags: [{ secret }] }),
    json({ [secret]: 1 }),
    `${json(event("e-1"))}\n{"a":"${secret}`,
  ];

  const answers = await Promise.all(bodies.map((body) => door.post(body)));

  expect(json(answers)).not.toContain(secret);
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 207]);
});
