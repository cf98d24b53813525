import { DatabaseSync } from "node:sqlite";
import { createBufferedEmitter, type Emitter } from "@sluice/sdk";

/**
 * An emitter that keeps events in a database. What is hard about an emitter the buffered one does already: it
 * checks each event, gives it an id, makes JSON of it, collects, and never throws at whoever emits. What is
 * left is to write a batch; a batch that cannot be written is told to `onDrop`.
 */
function createDatabaseEmitter(path: string): Emitter {
  const database = new DatabaseSync(path);
  database.exec(SCHEMA);
  const insert = database.prepare(INSERT);

  const buffered = createBufferedEmitter({
    write: async ({ bytes }) => {
      // One transaction for the whole batch: all of it is kept, or none, and the disk is asked once.
      database.exec("BEGIN");
      try {
        for (const line of linesOf(bytes)) insert.run(line);
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    onDrop: (count, reason, detail) => console.error(`${count} events lost: ${reason} (${detail})`),
  });

  return {
    emit: (event) => buffered.emit(event),
    flush: (signal) => buffered.flush(signal),
    close: async () => {
      await buffered.close();
      if (database.isOpen) database.close();
    },
  };
}

/** The event is kept as it is; columns to search by are read out of it. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    id    TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    kind  TEXT AS (event ->> '$.kind'),
    time  TEXT AS (event ->> '$.time'),
    run   TEXT AS (event ->> '$.runId')
  ) STRICT`;

/** An id that is there already is the same event, sent again: nothing to do. */
const INSERT = "INSERT INTO events (id, event) VALUES (?1 ->> '$.id', ?1) ON CONFLICT (id) DO NOTHING";

function linesOf(bytes: Uint8Array): readonly string[] {
  return new TextDecoder().decode(bytes).split("\n").slice(0, -1);
}

const [path = "events.db"] = process.argv.slice(2);
const emitter = createDatabaseEmitter(path);

emitter.emit({ id: "order-17", kind: "order.placed", data: { amount: 12.5 } });
emitter.emit({ id: "order-17", kind: "order.placed", data: { amount: 12.5 } });
emitter.emit({ kind: "cache.hit", runId: "run-1", data: { key: "greeting" } });
emitter.emit({ kind: "" });
await emitter.close();

const database = new DatabaseSync(path, { readOnly: true });
for (const row of database.prepare("SELECT kind, count(*) AS events FROM events GROUP BY kind").iterate())
  console.log(`${row["kind"]}: ${row["events"]}`);
database.close();
