import {
  type Answer,
  type BackendRequest,
  createLunary,
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
