import { AsyncLocalStorage } from "node:async_hooks";
import { Call, type Capture } from "./call.ts";

/**
 * What is needed of a client, so that the openai package stays out of here. Its `OpenAI` and `AzureOpenAI`
 * have this form from version 5 on.
 */
export interface OpenAIClient {
  readonly baseURL: string;
  withOptions(options: { fetch: typeof globalThis.fetch }): unknown;
}

/**
 * A client like the given one, whose requests are captured. The given one is not touched. The copy is made by
 * the client itself (`withOptions`), with a `fetch` that looks on. On the copy, and on its copies, three of
 * its methods are followed:
 *
 *     withOptions                copies are observed too, also with a `fetch` of their own
 *     makeRequest                one call of the application, with all that the client does for it
 *     retryRequest               a wait, and then makeRequest again, for the same options
 *
 * The last two are not public. Where a client lacks them, each attempt is a run of its own; nothing else
 * depends on them. Throws what the client's `withOptions` throws.
 */
export function observedClient<Client extends OpenAIClient>(client: Client, capture: Capture): Client {
  const fetch = fetchOf(client);
  // Observed twice, each call would be two runs: the first observer keeps it.
  if (observedFetches.has(fetch)) return client;
  const copy = client.withOptions({ fetch: observedFetch(fetch, capture) }) as Client;
  const apiKey: unknown = Reflect.get(client, "apiKey");
  // One that was set after the client was made; its options still have the old one.
  if (typeof apiKey === "string" && apiKey !== Reflect.get(copy, "apiKey"))
    Reflect.set(copy, "apiKey", apiKey);
  follow(copy, capture);
  return copy;
}

/** The call that the client is working on, for `fetch` to find. */
const calls = new AsyncLocalStorage<Call>();

type Fetch = typeof globalThis.fetch;

const observedFetches = new WeakSet<Fetch>();

function fetchOf(client: OpenAIClient): Fetch {
  const fetch: unknown = Reflect.get(client, "fetch");
  return typeof fetch === "function" ? (fetch as Fetch) : globalThis.fetch;
}

function observedFetch(fetch: Fetch, capture: Capture): Fetch {
  if (observedFetches.has(fetch)) return fetch;
  const observed: Fetch = (input, init) => {
    const call = calls.getStore();
    return (call === undefined || call.isEnded ? new Call(capture) : call).fetch(fetch, input, init);
  };
  observedFetches.add(observed);
  return observed;
}

/** The client's own name for a try, given with every one but the first. */
type MakeRequest = (options: unknown, retriesLeft: unknown, retryOf: unknown) => Promise<unknown>;
type RetryRequest = (options: unknown, ...rest: readonly unknown[]) => Promise<unknown>;

function follow(client: OpenAIClient, capture: Capture): void {
  /** Retries come with the options of the first try, sometimes from outside of its context. */
  const byOptions = new WeakMap<object, Call>();
  const callOf = (options: unknown): Call | undefined => {
    const call = isObject(options) ? (byOptions.get(options) ?? calls.getStore()) : undefined;
    return call?.isEnded ? undefined : call;
  };
  replace<MakeRequest>(client, "makeRequest", (makeRequest) => async (given, retriesLeft, retryOf) => {
    const options = await given;
    const call = (retryOf === undefined ? undefined : callOf(options)) ?? new Call(capture, options);
    if (isObject(options)) byOptions.set(options, call);
    return call.settles(() => calls.run(call, () => makeRequest(options, retriesLeft, retryOf)));
  });
  replace<RetryRequest>(client, "retryRequest", (retryRequest) => (options, ...rest) => {
    const call = callOf(options);
    const retry = () => retryRequest(options, ...rest);
    return call === undefined ? retry() : call.settles(retry);
  });
  replace<OpenAIClient["withOptions"]>(client, "withOptions", (withOptions) => (options) => {
    const copy = withOptions(options);
    if (!isObject(copy)) return copy;
    Reflect.set(copy, "fetch", observedFetch(fetchOf(copy as OpenAIClient), capture));
    follow(copy as OpenAIClient, capture);
    return copy;
  });
}

/** Puts a method of the copy's own before that of its class. Not enumerable: the copy prints as before. */
function replace<Method extends (...given: never[]) => unknown>(
  client: object,
  name: string,
  around: (method: Method) => Method,
): void {
  const method: unknown = Reflect.get(client, name);
  if (typeof method !== "function") return;
  const value = around(method.bind(client) as Method);
  Object.defineProperty(client, name, { value, writable: true, configurable: true, enumerable: false });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
