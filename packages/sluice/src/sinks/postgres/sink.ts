import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import { type Delivery, delivered, type ItemDelivery, summary } from "../delivery.ts";
import { createRedactor } from "../redact.ts";
import { ROW_DOCS } from "../rows/docs.ts";
import { rowsOf } from "../rows/rows.ts";
import { failureOf } from "./failure.ts";
import { options, placeOf, type Settings, secretsOf } from "./options.ts";
import { prepareSchema } from "./schema.ts";
import { loadDriver, openSession, type Session } from "./session.ts";
import { createSessions } from "./sessions.ts";
import { type Stored, upsertParameters, upsertStatement } from "./upsert.ts";

/** One batch at the server, and one on its way there. Each is a connection, and a server has few. */
const BATCHES_IN_FLIGHT_MAX = 2;

export const postgresSink = defineSink({
  type: "postgres",
  summary: "Writes events and one wide row a run to a PostgreSQL database.",
  options,
  // One commit a batch: a large batch costs hardly more than a small one.
  limits: { events: 1_000, bytes: 4 * 1024 * 1024, ageMs: 200 },
  // A row says by itself which of two is the newer.
  order: "none",
  inFlight: BATCHES_IN_FLIGHT_MAX,
  docs: {
    example:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own placeholder.
      '[[sinks]]\nname = "postgres"\ntype = "postgres"\n\n[sinks.params]\nurl = "${env:DATABASE_URL}"\nschema = "sluice"\n\n# psql "$DATABASE_URL" -c \'SELECT * FROM sluice.usage_by_model_and_day\'',
    mapping: ROW_DOCS.mapping,
    notes: [
      ...ROW_DOCS.notes,
      "It needs the package `postgres` beside sluice (`npm install postgres`), and PostgreSQL 12 or later.",
      "Tables and views are in a schema of their own, `sluice`, so they are in nobody's way: `SELECT * FROM sluice.runs`, or `SET search_path = sluice`. A user without the right to make schemas needs one that is made for it: `CREATE SCHEMA sluice AUTHORIZATION writer`.",
      "`raw` is `json`, byte for byte as the event came but for half surrogate pairs and NUL, which are U+FFFD: so `raw->'run'->>'name'` works on every row. `tags`, `finish_reasons` and `metadata` are `jsonb`; a number that `numeric` cannot hold is its text there.",
      "Delivered means committed, as durably as the server's `synchronous_commit` says.",
      "A lost connection, a shutdown, a deadlock, a lock, a full disk and too many connections are tried again. A wrong password, a missing database or right, and tables that are not ours pause the sink with that sentence. A row that a constraint or trigger of yours refuses is a dead letter, alone.",
      "At most 2 connections, without named statements, session settings or locks that outlast a statement, so that a pooler that shares connections by transaction can stand between.",
    ],
  },
  destination: placeOf,
  open: async (settings, context) => openPostgres(settings, context),
});

function openPostgres(settings: Settings, context: SinkContext): Sink {
  const { clock } = context;
  const { schema } = settings;
  const redact = createRedactor(secretsOf(settings));
  const upsert = upsertStatement(schema);
  const open = async () => openSession(await loadDriver(), settings, clock);
  const sessions = createSessions(open, settings.timeout_ms, clock);
  /** Looked at once, and again after a failure: somebody may have changed it. */
  let isPrepared = false;

  async function write(stored: readonly Stored[], signal: AbortSignal): Promise<Delivery> {
    try {
      await sessions.use(async (session: Session) => {
        if (!isPrepared) await prepareSchema(session, schema);
        isPrepared = true;
        await session.run(upsert, upsertParameters(stored));
      }, signal);
      return delivered;
    } catch (error) {
      isPrepared = false;
      return failureOf(error, redact);
    }
  }

  return {
    async send(batch, signal) {
      const outcomes: ItemDelivery[] = new Array(batch.length).fill(delivered);
      const stored = readBatch(batch, outcomes);
      if (stored.length === 0) return summary(outcomes);
      if (signal.aborted) return { status: "retry", reason: "stopped before it was written" };
      const delivery = await write(stored, signal);
      return delivery.status === "delivered" ? summary(outcomes) : delivery;
    },
    async check(signal) {
      // A statement without rows needs the same rights, and stores nothing.
      const delivery = await write([], signal);
      return "reason" in delivery ? `PostgreSQL cannot be used: ${delivery.reason}` : undefined;
    },
    close: () => sessions.close(),
  };
}

/** The rows of what can be read, and the outcome of what cannot. */
function readBatch(batch: readonly Outgoing[], outcomes: ItemDelivery[]): Stored[] {
  const stored: Stored[] = [];
  for (const [index, outgoing] of batch.entries()) {
    try {
      stored.push({ rows: rowsOf(outgoing.event), raw: outgoing.raw });
    } catch {
      // One event that is not what its kind says must not cost its neighbours.
      outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
    }
  }
  return stored;
}
