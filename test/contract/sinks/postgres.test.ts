import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  hasServer,
  type TestDatabase,
} from "../../../packages/sluice/src/sinks/postgres/server.test-support.ts";
import { postgresSink } from "../../../packages/sluice/src/sinks/postgres/sink.ts";
import { sinkContract, startRelay } from "../../../packages/sluice/src/testing/index.ts";

/** The real server, behind a relay whose wire can fail. */
describe.skipIf(!(await hasServer()))("with a real server", () => {
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database?.drop();
  });

  sinkContract(
    postgresSink,
    {
      options: (url) => ({ url }),
      brokenOptions: () => ({ database: "sluice_no_such_database" }),
      shortTimeout: { timeout_ms: 300 },
      backend: async () => {
        const { host, port, url } = database ?? expect.fail("there is no database");
        const relay = await startRelay(host, port);
        return Object.defineProperties(relay, { url: { value: url(relay.port) } }) as typeof relay & {
          readonly url: string;
        };
      },
      noHttp: "it speaks PostgreSQL's protocol",
    },
    { describe, test },
  );
});
