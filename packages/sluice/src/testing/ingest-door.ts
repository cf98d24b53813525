import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createIds, ManualClock, seededRandom } from "@sluice/sdk/internal";
import { createIngest, INGEST_LIMITS, type IngestLimits } from "../sources/ingest/ingest.ts";
import type { Intake } from "../sources/intake.ts";
import type { AppendOutcome, Durability, NewRecord, Refusal } from "../spool/spool.ts";

/** An intake that keeps what it is given, with the spool's rule for duplicates, and refuses when told to. */
class KeepingIntake implements Intake {
  readonly bootId = "boot-1";
  durability: Durability = "disk";
  readonly records: NewRecord[] = [];
  refusal: Refusal | undefined;
  /** Appends wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** Calls of append so far. */
  appends = 0;

  async append(records: readonly NewRecord[]): Promise<readonly AppendOutcome[]> {
    this.appends++;
    await this.gate;
    return records.map((record) => this.refusal ?? this.#append(record));
  }

  /** The bodies, parsed. */
  get events(): readonly Record<string, unknown>[] {
    return this.bodies.map((body) => JSON.parse(body));
  }

  get bodies(): readonly string[] {
    return this.records.map(({ body }) => Buffer.from(body).toString());
  }

  #append(record: NewRecord): AppendOutcome {
    const offset = this.records.findIndex(({ id }) => id === record.id);
    const earlier = this.records[offset];
    if (earlier === undefined) return { status: "appended", offset: this.records.push(record) - 1 };
    return { status: earlier.received.crc === record.received.crc ? "duplicate" : "conflict", offset };
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** The ingest door on loopback, a clock that stands still, and ids that repeat from run to run. */
export async function openIngest(limits: Partial<IngestLimits> = {}) {
  const intake = new KeepingIntake();
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 5));
  const ids = createIds(clock, seededRandom(1));
  const refused: string[] = [];
  const ingest = createIngest({
    ...{ intake, clock, ids, limits: { ...INGEST_LIMITS, ...limits } },
    onRefused: (code) => refused.push(code),
  });
  const server = createServer((request, response) => void ingest(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1/events`;

  const post = async (
    body: RequestInit["body"],
    headers: Readonly<Record<string, string>> = {},
    query = "",
  ): Promise<Answer> => {
    const response = await fetch(url + query, {
      ...{ method: "POST", duplex: "half", headers: { "content-type": "application/json", ...headers } },
      ...(body !== undefined && { body }),
    });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };
  return {
    ...{ intake, clock, refused, url, port, post },
    lines: (body: RequestInit["body"]) => post(body, { "content-type": "application/x-ndjson" }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
