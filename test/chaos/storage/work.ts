import { seededRandom, systemDisk } from "@sluice/sdk/internal";
import { type FileSpool, openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { AppendOutcome, Lease } from "../../../packages/sluice/src/spool/spool.ts";
import { PatientAppends } from "./answered.ts";
import { type OracleFile, openOracle } from "./oracle.ts";
import { Patience } from "./patience.ts";
import { ledgerOf, numberOf, type Operation, type PlannedRecord, planOf, ROUTES, recordOf } from "./plan.ts";

export interface WorkloadOptions {
  readonly dataDir: string;
  /** The oracle's file; outside the data dir. */
  readonly oracle: string;
  readonly seed: number;
  /** 300 by default. */
  readonly operations?: number;
  readonly segmentBytes?: number;
  /** Ends the faults that are put into this process. */
  readonly endFaults?: () => void;
}

/** Small, so that a few hundred operations fill many of them. */
export const SEGMENT_BYTES = 48 * 1024;

/**
 * Works with a file spool in a fixed way: opens it, lets four producers work off their plans (plan.ts) at the
 * same time, and closes it. What the spool refuses is tried again until it is taken (patience.ts). What it
 * was told and has told is noted in the oracle's file (oracle.ts), and so is what must not be.
 */
export async function work(options: WorkloadOptions): Promise<void> {
  const oracle = openOracle(options.oracle);
  const patience = new Patience(options.endFaults ?? (() => {}));
  try {
    const spool = await patience.insist(() => openSpool(options, patience));
    const leases = new Map<string, Lease>();
    for (const route of ROUTES) leases.set(route, await patience.insist(() => spool.lease(route, 0)));
    const worker = new Worker(spool, leases, oracle, patience);
    const plans = planOf(options.seed, options.operations ?? 300);
    await Promise.all(plans.map((plan) => worker.workOff(plan)));
    await spool.close();
    const { failures, recoveredAfterMs } = patience;
    oracle.note({ done: true, failures, recoveredAfterMs });
  } finally {
    oracle.close();
  }
}

function openSpool({ dataDir, seed, segmentBytes }: WorkloadOptions, patience: Patience): Promise<FileSpool> {
  return openFileSpool({
    dataDir,
    disk: systemDisk,
    clock: patience.clock,
    random: seededRandom(seed),
    maxBytes: 64 * 1024 * 1024,
    minFreeBytes: 0,
    segmentBytes: segmentBytes ?? SEGMENT_BYTES,
    // Little enough that reads reach the files as well.
    tailBytes: 64 * 1024,
  });
}

type Commit = Extract<Operation, { kind: "commit" }>;

class Worker {
  readonly #spool: FileSpool;
  readonly #appends: PatientAppends;
  readonly #leases: ReadonlyMap<string, Lease>;
  readonly #oracle: OracleFile;
  readonly #patience: Patience;
  readonly #offsets = new Map<string, number>();
  readonly #ledgerNumbers = new Map<string, number>();
  readonly #commits = new Map<string, Promise<void>>();
  #trimmedBefore = 0;

  constructor(spool: FileSpool, leases: ReadonlyMap<string, Lease>, oracle: OracleFile, patience: Patience) {
    this.#spool = spool;
    this.#appends = new PatientAppends(spool);
    this.#leases = leases;
    this.#oracle = oracle;
    this.#patience = patience;
  }

  async workOff(plan: readonly Operation[]): Promise<void> {
    for (const operation of plan) await this.#perform(operation);
  }

  async #perform(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "append":
        return this.#append(operation.records);
      case "commit":
        return this.#commitInTurn(operation);
      case "read":
        return this.#read(operation.part);
      case "trim":
        return this.#trim(operation.keep);
      case "idle":
        await this.#patience.advance(10);
        return this.#spool.resting();
    }
  }

  async #append(records: readonly PlannedRecord[]): Promise<void> {
    for (const { id, bytes } of records) this.#oracle.note({ intent: id, bytes });
    let open = records;
    await this.#patience.insist(
      async () => {
        const outcomes = await this.#appends.append(open.map(recordOf));
        open = open.filter((record, index) => !this.#isTaken(record, outcomes[index]));
      },
      () => open.length === 0,
    );
  }

  #isTaken({ id, bytes }: PlannedRecord, outcome: AppendOutcome | undefined): boolean {
    if (!outcome || !("offset" in outcome)) return false;
    const { status, offset } = outcome;
    const known = this.#offsets.get(id);
    // The id of a record that may have been trimmed may have been forgotten.
    const isNew = known === undefined || known < this.#trimmedBefore;
    if (status === "appended") {
      if (!isNew) this.#wrong(`${id} was stored twice, at ${known} and ${offset}`);
      this.#offsets.set(id, offset);
      this.#oracle.note({ acked: id, bytes, offset });
    } else if (known !== offset) {
      this.#wrong(`${id} is a ${status} of offset ${offset}, and was acknowledged at ${known}`);
    }
    return true;
  }

  /** A route stores one ledger at a time, or an older one that is tried again would follow a newer one. */
  #commitInTurn(operation: Commit): Promise<void> {
    const before = this.#commits.get(operation.route) ?? Promise.resolve();
    const committed = before.then(() => this.#commit(operation));
    this.#commits.set(operation.route, committed);
    return committed;
  }

  async #commit({ route, isDurable, bytes }: Commit): Promise<void> {
    const lease = this.#leases.get(route);
    if (!lease) return;
    const number = (this.#ledgerNumbers.get(route) ?? numberOf(lease.ledger)) + 1;
    this.#ledgerNumbers.set(route, number);
    this.#oracle.note({ ledger: route, number, bytes });
    const ledger = ledgerOf(route, number, bytes);
    const isHeld = await this.#patience.insist(() => this.#spool.commit(lease, ledger, isDurable));
    if (!isHeld) this.#wrong(`the lease of ${route} was lost`);
    if (isDurable) this.#oracle.note({ durable: route, number });
  }

  async #read(part: number): Promise<void> {
    const { firstOffset, nextOffset } = this.#spool.state;
    const from = firstOffset + Math.floor(part * (nextOffset - firstOffset));
    if (from >= nextOffset) return;
    const limit = { records: 20, bytes: 64 * 1024 };
    const { signal } = new AbortController();
    const records = await this.#patience.insist(() => this.#spool.read(0, from, limit, signal));
    const at = records[0]?.offset;
    if (at === undefined) this.#wrong(`nothing could be read from ${from}`);
    else if (at !== from && from >= this.#trimmedBefore) this.#wrong(`read from ${from} gave ${at}`);
  }

  async #trim(keep: number): Promise<void> {
    const before = this.#spool.state.nextOffset - keep;
    if (before <= this.#trimmedBefore) return;
    this.#trimmedBefore = before;
    this.#oracle.note({ trim: before });
    await this.#patience.insist(() => this.#spool.trim(0, before));
  }

  #wrong(what: string): void {
    this.#oracle.note({ wrong: what });
  }
}
