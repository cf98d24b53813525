import type { Lease } from "../spool/spool.ts";
import type { DeadLetters } from "./dead-letters/dead-letters.ts";
import { Admission } from "./delivery/admission.ts";
import { Company } from "./delivery/company.ts";
import { InFlight } from "./delivery/in-flight.ts";
import { Lanes } from "./delivery/lanes.ts";
import { LargeEvents } from "./delivery/large-events.ts";
import { createPace } from "./delivery/pace.ts";
import { Sender } from "./delivery/sender.ts";
import { DEFAULT_FIGURES, type Figures } from "./figures.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { encodeLedger } from "./ledger/ledger-codec.ts";
import { LedgerWriter } from "./ledger/ledger-writer.ts";
import { PatientReads } from "./patient-reads.ts";
import { Reader } from "./reader.ts";
import type { RouteOptions } from "./route.ts";
import { shareMemory } from "./route-memory.ts";
import { createShape } from "./shape.ts";

/** What the parts of a route have in common, and what they call it back for. */
export interface RouteGround {
  readonly lease: Lease;
  readonly ledger: Ledger;
  readonly deadLetters: DeadLetters;
  readonly stop: AbortSignal;
  /** There may be something to do: something was read, or a batch may leave. */
  onChange(): void;
  /** The route may be better or worse than it was. */
  onHealth(): void;
  /** For good. */
  fail(reason: string): void;
}

/** The parts of a sink's route, wired, from what reads to what sends. The route decides when each may act. */
export interface RouteParts {
  readonly figures: Figures;
  readonly lanes: Lanes;
  readonly admission: Admission;
  readonly company: Company;
  readonly large: LargeEvents;
  readonly reads: PatientReads;
  readonly reader: Reader;
  readonly writer: LedgerWriter;
  readonly sender: Sender;
  readonly inFlight: InFlight;
}

export function createParts(options: RouteOptions, ground: RouteGround): RouteParts {
  const { spool, partition = 0, place, clock, definition, name, observer, memory = shareMemory(1) } = options;
  const { lease, ledger, deadLetters, stop, onChange, onHealth, fail } = ground;
  const figures = { ...DEFAULT_FIGURES, readAheadBytes: memory.readAheadBytes, ...options.figures };
  const shape = createShape({ skips: definition.skips, filter: options.filter, sample: options.sample });
  const lanes = new Lanes((item) => admission.keepApart(item));
  const admission = new Admission({
    definition,
    shape,
    figures,
    clock,
    ledger,
    deadLetters,
    lanes,
    largeBytes: memory.largeBytes,
  });
  const company = new Company(definition.limits, lanes, admission, figures);
  const writer = new LedgerWriter({
    spool,
    lease,
    clock,
    figures,
    encode: () => ({ bytes: encodeLedger(ledger, place), low: ledger.low }),
    onLost: () => fail("another process took over this route"),
    warn: observer.warn,
  });
  const reads = new PatientReads({ spool, partition, clock, figures, warn: observer.warn });
  const reader = new Reader({
    spool,
    reads,
    ledger,
    until: options.until ?? Number.POSITIVE_INFINITY,
    accept: (record) => admission.accept(record),
    onRead: () => {
      writer.changed();
      onChange();
    },
    onError: (error) => fail(String(error)),
  });
  const sender = new Sender({
    name,
    sink: options.sink,
    pace: options.pace ?? createPace(definition.limits.requestsPerSecond, clock),
    figures,
    clock,
    random: options.random,
    ledger,
    writer,
    deadLetters,
    observer,
    stop,
    onLearned: onHealth,
    onSettled: (item) => admission.release(item),
  });
  const inFlight = new InFlight({
    definition,
    writer,
    clock,
    turns: options.turns,
    onPlace: onChange,
    onCount: (batches) => observer.onInFlight(name, batches),
  });
  options.turns?.onTurn(onChange);
  const large = new LargeEvents({ spool, partition, turns: memory.large, shape, stop });
  return { figures, lanes, admission, company, large, reads, reader, writer, sender, inFlight };
}
