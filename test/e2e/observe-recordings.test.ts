import type { Event, Run } from "@sluice/sdk";
import OpenAI from "openai";
import { afterEach, describe, expect, test } from "vitest";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import { type Cut, cutBody, type ProviderServer } from "../../packages/sluice/src/testing/provider-server.ts";
import { allExchanges } from "./exchanges.ts";
import { KEY, type ObserveRig, openObserveRig } from "./observe-rig.ts";
import { requestOf, saidBySdk } from "./proxy-oracle.ts";
import { openRig, type ProxyRig, sha256 } from "./proxy-rig.ts";

const exchanges = await allExchanges();

let rig: ObserveRig;
let proxy: ProxyRig | undefined;
afterEach(async () => {
  await rig.close();
  await proxy?.close();
  proxy = undefined;
});

function serve(provider: ProviderServer, exchange: Exchange, cut: Cut): void {
  const { status, contentType, body } = exchange;
  provider.answer({ status, headers: { "content-type": contentType }, chunks: cutBody(body, cut) });
}

describe.each(exchanges.map((exchange) => [exchange.name, exchange] as const))("%s", (_, exchange) => {
  test("is captured by observe as by the proxy, and read by the application as without either", async () => {
    rig = await openObserveRig({ maxRetries: 0 });
    proxy = await openRig();
    serve(rig.provider, exchange, "event");
    serve(proxy.provider, exchange, "event");
    const throughProxy = new OpenAI({ apiKey: KEY, baseURL: proxy.baseUrl, maxRetries: 0 });

    const said = await saidBySdk(rig.openai, exchange);
    const saidPlain = await saidBySdk(rig.plain, exchange);
    await saidBySdk(throughProxy, exchange);

    expect(said).toEqual(saidPlain);
    expect(runOf(rig.ended())).toEqual(runOf(await proxy.ended()));
    expect(toolsOf(rig.events)).toEqual(toolsOf(await proxy.events()));
    expect(rig.of("run.started")).toHaveLength(1);
    expect(JSON.stringify(rig.events)).not.toContain("canary");
    const [observed, plain] = rig.provider.received;
    expect(sha256(observed?.body ?? Buffer.of())).toBe(sha256(plain?.body ?? Buffer.of()));
    expect(observed?.headers).toEqual(plain?.headers);
    expect(rig.uncaptured).toEqual([]);
  });

  test("arrives as it was sent, byte for byte", async () => {
    rig = await openObserveRig({ maxRetries: 0 });
    serve(rig.provider, exchange, "event");
    const path = exchange.path.replace("/v1", "");

    const answer = rig.openai.post(path, { body: requestOf(exchange) }).asResponse();

    if (exchange.status >= 300) await expect(answer).rejects.toMatchObject({ status: exchange.status });
    else expect(sha256(Buffer.from(await (await answer).arrayBuffer()))).toBe(sha256(exchange.body));
    expect(rig.of("run.ended")).toHaveLength(1);
  });
});

/** What of a run does not depend on when it was, and by whom it was captured. */
function runOf(event: Event): Partial<Run> {
  const {
    startTime: _start,
    firstTokenTime,
    writer: _writer,
    attempt: _attempt,
    ...run
  } = event.run ?? { type: "none" };
  return { ...run, ...(firstTokenTime !== undefined && { firstTokenTime: "some time" }) };
}

function toolsOf(events: readonly Event[]) {
  return events.flatMap((event) => (event.tool === undefined ? [] : [event.tool]));
}
