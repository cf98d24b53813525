import { gunzipSync } from "node:zlib";
import type { Answer } from "../../packages/sluice/src/testing/answer.ts";
import type { BackendRequest } from "../../packages/sluice/src/testing/backend.ts";
import { createLunary, LUNARY_TEST_KEY } from "../../packages/sluice/src/testing/lunary-server.ts";

/** What a healthy backend does with a request, and what it has after that. */
export interface Store {
  answer(request: BackendRequest): Answer | Promise<Answer>;
  /** How often each of our events has been taken, by its id. */
  readonly taken: ReadonlyMap<string, number>;
}

/** Refused items are refused for good, in the words of that backend; the rest of the request is taken. */
export type OpenStore = (refuses: (id: string) => boolean) => Store;

export const KEY = LUNARY_TEST_KEY;
export const ID_PREFIX = "51000000-0000-4000-8000-";
const ID = new RegExp(`${ID_PREFIX}[0-9]{12}`);
const REFUSAL = "Invalid run";

export function indexOf(id: string): number {
  return Number(id.slice(ID_PREFIX.length));
}

/** The strict stand-in: a run counts once it has its end, and a second start of it is refused. */
export const openLunaryStore: OpenStore = (refuses) => {
  const lunary = createLunary();
  const taken = new Map<string, number>();
  lunary.refuseItems((item) => (refuses(String(item["runId"])) ? REFUSAL : undefined));
  return {
    taken,
    async answer(request) {
      const answer = await lunary.answer(request);
      const ends = listOf(jsonOf(request), "events").filter((item) => item["event"] === "end");
      for (const id of ends.map((item) => String(item["runId"]))) {
        if (lunary.runs.get(id)?.status === "success") taken.set(id, (taken.get(id) ?? 0) + 1);
      }
      return answer;
    },
  };
};

/** Langfuse's ingestion: 207, always, with what it took and what not. */
export const openLangfuseStore: OpenStore = (refuses) => {
  const { taken, takeOrRefuse } = createTaken(refuses);
  return {
    taken,
    answer(request) {
      const { refused, rest } = takeOrRefuse(listOf(jsonOf(request), "batch"));
      const errors = refused.map(({ id }) => ({ id, status: 400, message: REFUSAL, error: REFUSAL }));
      return { status: 207, body: { successes: rest.map(({ id }) => ({ id, status: 201 })), errors } };
    },
  };
};

/** An OTLP collector: what it refuses it tells as a number. */
export const openOtlpStore: OpenStore = (refuses) => {
  const { taken, takeOrRefuse } = createTaken(refuses);
  return {
    taken,
    answer(request) {
      const scopes = listOf(jsonOf(request), "resourceSpans").flatMap((item) => listOf(item, "scopeSpans"));
      const { refused } = takeOrRefuse(scopes.flatMap((item) => listOf(item, "spans")));
      if (refused.length === 0) return { body: {} };
      const partialSuccess = { rejectedSpans: String(refused.length), errorMessage: REFUSAL };
      return { body: { partialSuccess } };
    },
  };
};

/** PostHog's capture takes a request whole; its answer has no room for a refusal. */
export const openPosthogStore: OpenStore = () => {
  const { taken, takeOrRefuse } = createTaken(() => false);
  return {
    taken,
    answer(request) {
      takeOrRefuse(listOf(jsonOf(request), "batch"));
      return { body: { status: "Ok" } };
    },
  };
};

/** What was sent, whatever its encoding. */
export function plainBody({ headers, body }: BackendRequest): Buffer {
  return headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

type Item = Readonly<Record<string, unknown>>;

function jsonOf(request: BackendRequest): Item {
  const text = plainBody(request).toString("utf8");
  return text.startsWith("{") ? JSON.parse(text) : {};
}

function listOf(item: Item, key: string): readonly Item[] {
  const list = item[key];
  return Array.isArray(list) ? list : [];
}

/** Finds our id somewhere in an item, and counts it, or refuses the item. */
function createTaken(refuses: (id: string) => boolean) {
  const taken = new Map<string, number>();
  return {
    taken,
    takeOrRefuse(items: readonly Item[]) {
      const refused: Item[] = [];
      const rest: Item[] = [];
      for (const item of items) {
        const id = ID.exec(JSON.stringify(item))?.[0];
        if (id !== undefined && refuses(id)) {
          refused.push(item);
          continue;
        }
        rest.push(item);
        if (id !== undefined) taken.set(id, (taken.get(id) ?? 0) + 1);
      }
      return { refused, rest };
    },
  };
}
