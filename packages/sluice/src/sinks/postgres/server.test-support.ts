import { randomBytes } from "node:crypto";
import postgres from "postgres";

/** The server of the tests; a superuser's URL. Where none answers, they are skipped and say so. */
const URL_OF_TESTS =
  process.env["SLUICE_TEST_POSTGRES"] ?? "postgres://postgres:postgres@127.0.0.1:5432/postgres";
const CONNECT_SECONDS_MAX = 2;

/** A database of one's own on a real server. */
export interface TestDatabase {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where it is, or where it is reached through another port. */
  url(port?: number): string;
  query(statement: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** Does a PostgreSQL answer here? Says on stderr if not, because nothing else tells why tests are skipped. */
export async function hasServer(): Promise<boolean> {
  try {
    await withClient(URL_OF_TESTS, (sql) => sql`SELECT 1`);
    return true;
  } catch (error) {
    const place = URL_OF_TESTS.replace(/\/\/[^@]*@/, "//");
    process.stderr.write(
      `No PostgreSQL at ${place} (${error}): its tests are skipped. SLUICE_TEST_POSTGRES names another.\n`,
    );
    return false;
  }
}

/** Made now, with a random name. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `sluice_test_${randomBytes(6).toString("hex")}`;
  const server = new URL(URL_OF_TESTS);
  const place = { host: server.hostname, port: Number(server.port || 5432) };
  await withClient(URL_OF_TESTS, (sql) => sql.unsafe(`CREATE DATABASE ${name}`));
  const url = (port = place.port) =>
    `postgres://${server.username}:${server.password}@${place.host}:${port}/${name}`;
  return {
    name,
    ...place,
    user: server.username,
    password: server.password,
    url,
    query: (statement) =>
      withClient(url(), async (sql) => (await sql.unsafe(statement)).map((row) => ({ ...row }))),
    drop: async () => {
      await withClient(URL_OF_TESTS, (sql) => sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}

async function withClient<Value>(
  url: string,
  work: (sql: postgres.Sql) => PromiseLike<Value>,
): Promise<Value> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_SECONDS_MAX,
    fetch_types: false,
    onnotice: () => undefined,
  });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 0 });
  }
}
