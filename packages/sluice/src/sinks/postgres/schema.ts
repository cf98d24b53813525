import { type Dialect, migrationsFor, newerSchema } from "../rows/migrations.ts";
import { Unusable } from "./failure.ts";
import type { Session } from "./session.ts";

/**
 * Makes the tables, or brings them up to date; costs two questions where they are. One block does it all, and
 * so one transaction, under a lock: of two daemons at once the second finds nothing left to do.
 * @throws Unusable for a schema that is newer than this program.
 */
export async function prepareSchema(session: Session, schema: string): Promise<void> {
  const migrations = migrationsFor(dialectOf(schema));
  const found = await versionOf(session, schema);
  if (found > migrations.length) throw new Unusable(newerSchema(found, migrations.length));
  if (found < migrations.length) await session.run(migration(schema, migrations));
}

async function versionOf(session: Session, schema: string): Promise<number> {
  const [table] = await session.run("SELECT to_regclass($1::text) IS NOT NULL AS made", [
    `"${schema}".sluice_migrations`,
  ]);
  if (table?.["made"] !== true) return 0;
  const [row] = await session.run(
    `SELECT coalesce(max(version), 0)::int AS version FROM "${schema}".sluice_migrations`,
  );
  return Number(row?.["version"]);
}

/** The name of a schema has letters, digits, _ and $ only, and so needs no escape in any quotes. */
function migration(schema: string, migrations: readonly (readonly string[])[]): string {
  const steps = migrations.map(
    (statements, index) =>
      `IF found < ${index + 1} THEN
        ${statements.join(";\n")};
        INSERT INTO "${schema}".sluice_migrations (version) VALUES (${index + 1});
      END IF;`,
  );
  return `DO $sluice$
    DECLARE found integer;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('sluice migrations ${schema}', 0));
      -- IF NOT EXISTS alone asks for the right to make schemas also where there is nothing to make.
      IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '${schema}') THEN
        CREATE SCHEMA "${schema}";
      END IF;
      CREATE TABLE IF NOT EXISTS "${schema}".sluice_migrations
        (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
      SELECT coalesce(max(version), 0) INTO found FROM "${schema}".sluice_migrations;
      ${steps.join("\n")}
    END $sluice$`;
}

function dialectOf(schema: string): Dialect {
  return {
    prefix: `"${schema}".`,
    time: "timestamptz",
    whole: "bigint",
    real: "double precision",
    flag: "boolean",
    json: "jsonb",
    raw: "json",
    day: (time) => `(${time} AT TIME ZONE 'UTC')::date`,
    sum: (whole) => `sum(${whole})::bigint`,
    // An entry of a b-tree has 2,704 bytes at the most, and a name may have more.
    anyLength: (column) => `USING hash (${column})`,
  };
}
