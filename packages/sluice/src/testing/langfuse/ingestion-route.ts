import type { Answer } from "../answer.ts";
import { environmentRule } from "./environment-rule.ts";
import { type Item, itemRule } from "./item-rules.ts";
import { scoreRule } from "./score-rules.ts";
import type { Fields, LangfuseStore } from "./store.ts";
import { usageDetailsRule } from "./usage-rules.ts";

export type WriteMode = "events_only" | "dual" | "legacy";

export interface IngestionRules {
  readonly version: 2 | 3 | 4;
  readonly writeMode: WriteMode;
  /** A key that is good for scores alone: everything else is a 401 of its item. */
  readonly scoresOnly: boolean;
  /** The status with which an item fails; undefined lets it in. */
  readonly refuse: (item: Fields) => number | undefined;
  readonly isCloud: boolean;
  /** Envelope ids that the answer forgets to name. */
  readonly forget: (item: Fields) => boolean;
}

interface ItemError {
  readonly id: string;
  readonly status: number;
  readonly message?: string;
  readonly error: string;
}

/** `POST /api/public/ingestion`, body parsed: 207 whatever became of the items. */
export async function ingestBatch(
  json: unknown,
  store: LangfuseStore,
  rules: IngestionRules,
  busy: BusyEntities,
): Promise<Answer> {
  const batch: unknown = Object(json).batch;
  if (!Array.isArray(batch)) {
    const errors = ["Invalid input: expected array, received undefined"];
    return { status: 400, body: { message: "Invalid request data", errors } };
  }
  const errors: ItemError[] = [];
  const items: Item[] = [];
  for (const each of batch) {
    const result = checked(Object(each), rules);
    if ("status" in result) errors.push(result);
    else items.push(result);
  }
  const stored = sorted(items.filter(({ type }) => type !== "sdk-log"));
  for (const { type, body } of items) if (type === "sdk-log") store.logs.push(body["log"]);
  await busy.during(stored, (isRaced) => {
    for (const item of stored)
      if (store.isNew(item.id)) write(item, store, rules.version === 2 && isRaced(item));
  });
  // A trace without body.id is named here too, though it was skipped.
  const successes = stored
    .filter((item) => !rules.forget({ ...item }))
    .map(({ id }) => ({ id, status: 201 }));
  const isStamped =
    rules.isCloud && batch.some((each) => !/^(score-create|sdk-log)$/.test(Object(each).type));
  return { status: 207, body: { successes, errors, ...(isStamped && { _deprecation: DEPRECATION }) } };
}

/** As Langfuse v4.16 stamps it. */
const DEPRECATION = {
  message: "Langfuse v3 is deprecated; this endpoint will be removed on October 31, 2026.",
  replacement: "POST /api/public/otel/v1/traces",
  docsUrl: "https://langfuse.com/integrations/native/opentelemetry",
  sunsetAt: "2026-10-31",
};

function checked(each: Fields, rules: IngestionRules): Item | ItemError {
  const { id: given, type } = each;
  const id = typeof given === "string" ? given : "unknown";
  if (rules.writeMode === "events_only" && rules.version === 4 && type !== "score-create") {
    return { id, status: 400, message: "Event type not accepted", error: eventsOnly(type) };
  }
  const item = itemRule(each, rules.version);
  if ("refused" in item) return { id, status: 400, message: "Invalid request data", error: item.refused };
  if (rules.scoresOnly && type !== "score-create" && type !== "sdk-log") {
    return { id, status: 401, message: "Authentication error", error: "Access Scope Denied" };
  }
  const status = rules.refuse(each);
  if (status === undefined) return item;
  return { id, status, error: status === 404 ? "Resource not found" : "Internal Server Error" };
}

/** Word for word Langfuse v4.16, but for the link at its end. */
function eventsOnly(type: unknown): string {
  const name = typeof type === "string" ? type : "unknown";
  return `Event type "${name}" is not accepted by /api/public/ingestion when LANGFUSE_MIGRATION_V4_WRITE_MODE is events_only. This endpoint only accepts score events. Upgrade the client or integration to a v4-compatible SDK or OTLP ingestion path. As a temporary migration bridge, set LANGFUSE_MIGRATION_V4_WRITE_MODE=dual on both the web and worker services and redeploy.`;
}

/** Creates first, then updates, each by the time of its envelope. */
function sorted(items: readonly Item[]): readonly Item[] {
  const isUpdate = ({ type }: Item) => type.endsWith("-update");
  const byTime = (a: Item, b: Item) => Date.parse(a.timestamp) - Date.parse(b.timestamp);
  return [...items.filter((item) => !isUpdate(item)).sort(byTime), ...items.filter(isUpdate).sort(byTime)];
}

function write({ id: envelopeId, type, body }: Item, store: LangfuseStore, isRaced: boolean): void {
  const { id } = body;
  if (type === "score-create") {
    const score = scoreRule(body);
    if ("fields" in score) store.writeScore(typeof id === "string" ? id : envelopeId, score.fields);
    return;
  }
  if (typeof id !== "string") return;
  const fields = { ...body, environment: environmentRule(body["environment"]) };
  if (type === "trace-create") {
    store.writeTrace(id, fields);
    return;
  }
  const kind = type.replace(/-(create|update)$/, "");
  const observationType = String(kind === "observation" ? body["type"] : kind).toUpperCase();
  const usageDetails = isRaced ? undefined : usageDetailsRule(body["usageDetails"]);
  store.writeObservation(id, observationType, { ...fields, usageDetails });
}

/**
 * Langfuse v2 reads an observation, merges, and writes it back: of a create and an update at the same time,
 * the one that comes second loses its usage.
 */
export class BusyEntities {
  readonly #busy = new Map<unknown, number>();
  readonly #wait: () => Promise<void>;

  /** `wait` is how long the server works on a request. */
  constructor(wait: () => Promise<void>) {
    this.#wait = wait;
  }

  async during(items: readonly Item[], work: (isRaced: (item: Item) => boolean) => void): Promise<void> {
    const ids = new Set(items.map(({ body }) => body["id"]));
    const raced = new Set([...ids].filter((id) => this.#busy.has(id)));
    for (const id of ids) this.#busy.set(id, (this.#busy.get(id) ?? 0) + 1);
    await this.#wait();
    work(({ body }) => raced.has(body["id"]));
    for (const id of ids) {
      const left = (this.#busy.get(id) ?? 1) - 1;
      if (left === 0) this.#busy.delete(id);
      else this.#busy.set(id, left);
    }
  }
}
