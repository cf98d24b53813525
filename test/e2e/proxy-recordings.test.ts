import type { Event, Json, Run, ToolCall } from "@sluice/sdk";
import OpenAI from "openai";
import { afterEach, describe, expect, test } from "vitest";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import { type Cut, cutBody } from "../../packages/sluice/src/testing/provider-server.ts";
import { allExchanges } from "./exchanges.ts";
import { requestOf, type Said, saidBySdk } from "./proxy-oracle.ts";
import { openRig, type ProxyRig, post, sha256 } from "./proxy-rig.ts";

const exchanges = await allExchanges();

let rig: ProxyRig;
afterEach(() => rig.close());

function serve(exchange: Exchange, cut: Cut): void {
  const { status, contentType, body } = exchange;
  rig.provider.answer({ status, headers: { "content-type": contentType }, chunks: cutBody(body, cut) });
}

describe.each(exchanges.map((exchange) => [exchange.name, exchange] as const))("%s", (_, exchange) => {
  test("passes through the proxy without a changed byte, and the run says what the answer says", async () => {
    rig = await openRig();
    serve(exchange, "event");
    const request = JSON.stringify(requestOf(exchange));

    const answer = await post(rig.baseUrl.replace("/v1", "") + exchange.path, request).answer;

    expect(answer.status).toBe(exchange.status);
    expect(sha256(answer.body)).toBe(sha256(exchange.body));
    expect(rig.provider.received[0]?.body.toString()).toBe(request);
    expect(rig.provider.received[0]?.path).toBe(exchange.path);
    const events = await rig.events();
    expect(events.filter((event) => event.kind === "run.started")).toHaveLength(1);
    expect(events.filter((event) => event.kind === "run.ended")).toHaveLength(1);
    expect(rig.uncaptured).toEqual({});
  });

  test("is captured as the openai package reads it", async () => {
    rig = await openRig();
    serve(exchange, "event");
    const client = new OpenAI({ apiKey: "sk-canary-0123456789", baseURL: rig.baseUrl, maxRetries: 0 });

    const said = await saidBySdk(client, exchange);

    const events = await rig.events();
    const ended = await rig.ended();
    expect(saidByRun(ended, events)).toEqual(said);
    expect(ended.run?.usage?.raw).toEqual(said.usage);
    const stored = rig.records.map((record) => Buffer.from(record.body).toString()).join("\n");
    expect(stored).not.toContain("canary");
  });

  test("is the same cut at every byte", async () => {
    rig = await openRig();
    serve(exchange, "event");
    const request = JSON.stringify(requestOf(exchange));
    const url = rig.baseUrl.replace("/v1", "") + exchange.path;
    await post(url, request).answer;
    const whole = runOf(await rig.ended());
    rig.records.length = 0;
    // Some recordings have a hundred thousand bytes; there, every seventh is a cut.
    const every = exchange.body.length > 20_000 ? 7 : 1;
    const chunks = Array.from({ length: Math.ceil(exchange.body.length / every) }, (_, index) =>
      exchange.body.subarray(index * every, (index + 1) * every),
    );
    rig.provider.answer({
      status: exchange.status,
      headers: { "content-type": exchange.contentType },
      chunks,
    });

    const answer = await post(url, request).answer;

    expect(sha256(answer.body)).toBe(sha256(exchange.body));
    expect(runOf(await rig.ended())).toEqual(whole);
  });
});

/** What of a run does not depend on when it was. */
function runOf(event: Event): Partial<Run> {
  const { startTime: _start, firstTokenTime: _first, ...run } = event.run ?? { type: "none" };
  return run;
}

function saidByRun(ended: Event, events: readonly Event[]): Said {
  const run = ended.run;
  const tools = events.flatMap((event): readonly ToolCall[] =>
    event.tool === undefined ? [] : [event.tool],
  );
  return {
    status: run?.status ?? "none",
    id: run?.response?.id,
    model: run?.response?.model,
    output: run?.response?.output,
    finishReasons: run?.response?.finishReasons,
    tools: tools.map((tool) => ({ name: tool.name, arguments: tool.arguments as Json | undefined })),
    usage: run?.usage?.raw,
    error: run?.error?.message,
    count: run?.response?.count,
    dimensions: run?.response?.dimensions,
  };
}
