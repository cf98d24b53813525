import { BusinessEvent, type BusinessPayload, parseBusinessEvent, toBusinessEvents } from "@sluice/sdk";
import { afterEach, describe, expect, test } from "vitest";
import type { Exchange } from "../../packages/sluice/src/testing/exchange-files.ts";
import { cutBody } from "../../packages/sluice/src/testing/provider-server.ts";
import { allExchanges, ownExchanges } from "./exchanges.ts";
import { requestOf } from "./proxy-oracle.ts";
import { openRig, type ProxyRig, post } from "./proxy-rig.ts";

/*
 * What the proxy captures, told as business events. The tokens are compared with those in the bytes of the
 * answer, found by a way of their own.
 */

const exchanges = await allExchanges();

let rig: ProxyRig;
afterEach(() => rig.close());

/** The business events of one call through the proxy. */
async function tell(exchange: Exchange): Promise<readonly BusinessPayload[]> {
  const { status, contentType, body } = exchange;
  rig = await openRig();
  rig.provider.answer({ status, headers: { "content-type": contentType }, chunks: cutBody(body, "event") });
  const url = rig.baseUrl.replace("/v1", "") + exchange.path;
  await post(url, JSON.stringify(requestOf(exchange))).answer;
  const told = (await rig.events()).flatMap(toBusinessEvents);
  // Each is a business event by itself, and equal by value however it comes.
  const parsed = told.map((payload) => parseBusinessEvent(JSON.stringify(payload)));
  expect(parsed).toStrictEqual(told.map((payload) => new BusinessEvent(payload)));
  expect((await rig.events()).flatMap(toBusinessEvents)).toStrictEqual(told);
  return told;
}

describe.each(exchanges.map((exchange) => [exchange.name, exchange] as const))("%s", (_, exchange) => {
  test("is told as a request and its answer or error, with the tokens that the provider counted", async () => {
    const [request, end, cache, ...more] = await tell(exchange);

    const asked = requestOf(exchange) as { readonly model: string };
    expect(request).toMatchObject({
      event_type: "llm_request",
      metadata: { provider: "openai", model: asked.model },
    });
    expect(more).toEqual([]);
    const { input_tokens, output_tokens, cache_read_tokens } = end?.metadata ?? {};
    const failed = end?.event_type === "llm_error";
    if (exchange.status >= 400) expect(failed).toBe(true);
    if (failed) expect(end.metadata["error"]).toEqual(expect.stringMatching(/./));
    else expect(end?.event_type).toBe("llm_response");
    expect([input_tokens, output_tokens, cache_read_tokens]).toEqual(tokensIn(exchange));
    expect(cache?.event_type).toBe(failed ? undefined : cacheEventOf(cache_read_tokens));
    expect(Date.parse(request?.created_at ?? "")).toBeLessThanOrEqual(Date.parse(end?.created_at ?? ""));
  });
});

test("among the exchanges are answers with a hit and with a miss, and errors", async () => {
  const told: string[] = [];
  for (const exchange of await ownExchanges()) {
    told.push(...(await tell(exchange)).map(({ event_type }) => event_type));
    await rig.close();
  }

  expect([...new Set(told)].sort()).toEqual(
    ["cache_hit", "cache_miss", "llm_error", "llm_request", "llm_response"].sort(),
  );
});

function cacheEventOf(cacheRead: unknown): string | undefined {
  if (cacheRead === undefined) return undefined;
  return cacheRead === 0 ? "cache_miss" : "cache_hit";
}

/** All of the prompt, all of the answer, and what came from the cache, by the last `usage` in the bytes. */
function tokensIn(exchange: Exchange): readonly (number | undefined)[] {
  const texts = exchange.body.toString().split(/\r?\n/);
  const usages = [exchange.body.toString(), ...texts.map((line) => line.replace(/^data: ?/, ""))].flatMap(
    usageIn,
  );
  const usage = usages.at(-1) ?? {};
  const details = usage["prompt_tokens_details"] ?? usage["input_tokens_details"];
  const cached = (details as { readonly cached_tokens?: number } | null | undefined)?.cached_tokens;
  const output = usage["completion_tokens"] ?? usage["output_tokens"];
  return [usage["prompt_tokens"] ?? usage["input_tokens"], output, cached] as (number | undefined)[];
}

function usageIn(text: string): readonly Record<string, unknown>[] {
  let value: { usage?: Record<string, unknown>; response?: { usage?: Record<string, unknown> } };
  try {
    value = JSON.parse(text);
  } catch {
    // Most lines of a stream are no JSON by themselves.
    return [];
  }
  const usage = value?.usage ?? value?.response?.usage;
  return usage ? [usage] : [];
}
