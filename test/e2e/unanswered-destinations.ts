import {
  type Answer,
  type BackendRequest,
  createHelicone,
  createLangfuse,
  createLunary,
  createOtlp,
  HELICONE_TEST_KEY,
  LANGFUSE_TEST_KEYS,
  type LangfuseServerOptions,
  LUNARY_TEST_KEY,
} from "../../packages/sluice/src/testing/index.ts";

/** A backend of the test below: what it is told, what it has, and what of that is the same for ever. */
export interface Destination {
  /** The sink's type. */
  readonly type: string;
  readonly title: string;
  params(url: string): Readonly<Record<string, unknown>>;
  open(): OpenDestination;
}

interface OpenDestination {
  answer(request: BackendRequest): Answer | Promise<Answer>;
  /** Every item of a request that was taken, by an id that the backend knows it by again. */
  itemsOf(request: BackendRequest): ReadonlyMap<string, SentItem>;
  /** How many rows it has of each id. */
  rows(): readonly string[];
}

interface SentItem {
  readonly startTime: unknown;
  /** As it stood in the request. */
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

export const DESTINATIONS: readonly Destination[] = [
  {
    type: "helicone",
    title: "Helicone",
    params: (endpoint) => ({ api_key: HELICONE_TEST_KEY, endpoint, requests_per_second: 1_000 }),
    open() {
      const helicone = createHelicone();
      return {
        answer: (request) => helicone.answer(request),
        itemsOf({ json, path }) {
          const { providerRequest, timing } = Object(json);
          const id = Object(providerRequest?.meta)["Helicone-Request-Id"] ?? path;
          return new Map([[id, { startTime: timing?.startTime, text: JSON.stringify(json) }]]);
        },
        rows: () => helicone.rows.map(({ requestId }) => requestId),
      };
    },
  },
  langfuse("otlp", { version: 4 }),
  langfuse("ingestion", { version: 3 }),
  {
    type: "lunary",
    title: "Lunary",
    params: (endpoint) => ({ api_key: LUNARY_TEST_KEY, endpoint, requests_per_second: 1_000 }),
    open() {
      const lunary = createLunary();
      return {
        answer: lunary.answer,
        itemsOf: (request) =>
          sentItems(listIn(request, "events"), ({ runId, event }) => `${runId} ${event}`, "timestamp"),
        rows: () => [...lunary.runs.keys()],
      };
    },
  },
  {
    type: "otlp",
    title: "a server of OTLP",
    params: (endpoint) => ({ endpoint, content: true }),
    open() {
      const otlp = createOtlp();
      const taken = new Set<string>();
      return {
        answer: otlp.answer,
        itemsOf(request) {
          const reader = createOtlp();
          reader.answer(request);
          return sentItems(reader.spans.map(plain), ({ spanId }) => String(spanId), "startTimeUnixNano");
        },
        // The protocol lets a span come twice; who keeps them knows it by its ids and its start.
        rows() {
          for (const span of otlp.spans)
            taken.add(`${span.traceId} ${span.spanId} ${span.startTimeUnixNano}`);
          return [...taken].map((key) => key.split(" ")[1] ?? "");
        },
      };
    },
  },
  {
    type: "webhook",
    title: "a webhook",
    params: (url) => ({
      endpoint: `${url}/hook`,
      secrets: [`whsec_${Buffer.alloc(24, 7).toString("base64")}`],
      batch: 100,
      allow: ["127.0.0.0/8"],
    }),
    open() {
      const rows = new Set<string>();
      const itemsOf = ({ json }: BackendRequest) =>
        sentItems(json as readonly Fields[], ({ id }) => String(id), "time");
      return {
        answer(request) {
          for (const id of itemsOf(request).keys()) rows.add(id);
          return { status: 204 };
        },
        itemsOf,
        rows: () => [...rows],
      };
    },
  },
];

function langfuse(mode: "otlp" | "ingestion", options: LangfuseServerOptions): Destination {
  return {
    type: "langfuse",
    title: `Langfuse in mode ${mode}`,
    params: (endpoint) => ({ ...LANGFUSE_TEST_KEYS, endpoint, mode, requests_per_second: 1_000 }),
    open() {
      const server = createLangfuse(options);
      return {
        answer: server.answer,
        itemsOf(request) {
          if (request.path.endsWith("/traces")) return spansOf(request);
          if (request.path.endsWith("/scores")) {
            return sentItems([Object(request.json)], ({ id }) => String(id), "timestamp");
          }
          return sentItems(listIn(request, "batch"), ({ id }) => String(id), "timestamp");
        },
        rows: () => [...server.observations.map(({ id }) => id), ...server.scores.keys()],
      };
    },
  };
}

function spansOf({ json }: BackendRequest): ReadonlyMap<string, SentItem> {
  const resources: readonly { readonly scopeSpans: readonly { readonly spans: readonly Fields[] }[] }[] =
    Object(json).resourceSpans ?? [];
  const spans = resources.flatMap(({ scopeSpans }) => scopeSpans).flatMap((scope) => scope.spans);
  return sentItems(spans, ({ spanId }) => String(spanId), "startTimeUnixNano");
}

/** Times in nanoseconds are more than JSON's numbers hold. */
function plain(span: object): Fields {
  return JSON.parse(JSON.stringify(span, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
}

function listIn({ json }: BackendRequest, key: string): readonly Fields[] {
  return Object(json)[key] ?? [];
}

function sentItems(
  items: readonly Fields[],
  idOf: (item: Fields) => string,
  startTime: string,
): ReadonlyMap<string, SentItem> {
  return new Map(
    items.map((item) => [idOf(item), { startTime: item[startTime], text: JSON.stringify(item) }]),
  );
}
