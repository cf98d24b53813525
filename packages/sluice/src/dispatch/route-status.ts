import type { BacklogStatus } from "./backlog.ts";
import type { PendingEvent } from "./delivery/pending-event.ts";
import type { Sender } from "./delivery/sender.ts";
import type { Figures } from "./figures.ts";
import { healthOf } from "./health.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { oldestAgeMs } from "./oldest-age.ts";
import type { PatientReads } from "./patient-reads.ts";
import type { RouteHealth, RouteOptions, RouteStatus } from "./route.ts";
import type { RouteState } from "./route-state.ts";

/** What of a route its health is told from. */
export interface HealthView {
  readonly state: RouteState;
  readonly sender: Sender;
  readonly reads: PatientReads;
  readonly figures: Figures;
}

/** And its whole status. */
export interface RouteView extends HealthView {
  readonly ledger: Ledger;
  readonly inFlight: number;
  readonly pending: Iterable<PendingEvent>;
  readonly backlog: BacklogStatus;
}

/** Where there is trouble on both sides, the disk that does not give events comes before the backend. */
export function healthNow({ name, sinkName = name }: RouteOptions, view: HealthView): RouteHealth {
  const { state, sender, reads, figures } = view;
  const failuresInRow = Math.max(reads.failuresInRow, sender.failuresInRow);
  const lastError = reads.lastError ?? sender.lastError;
  const troubleSinceMs = "sinceMs" in state ? state.sinceMs : sender.failingSinceMs;
  return {
    route: name,
    sink: sinkName,
    health: healthOf(state, failuresInRow, figures.unavailableAfter),
    ...(lastError !== undefined && { lastError }),
    ...(troubleSinceMs !== undefined && { troubleSinceMs }),
    ...(state.name === "waiting" && { waitUntilMs: state.untilMs }),
  };
}

export function statusOf(options: RouteOptions, view: RouteView): RouteStatus {
  const { definition, spool, clock, until = Number.POSITIVE_INFINITY } = options;
  const { ledger, state } = view;
  const balance = ledger.balance(Math.min(spool.state.nextOffset, until));
  const ageMs = oldestAgeMs(view.pending, ledger, clock.nowMs());
  return {
    ...healthNow(options, view),
    type: definition.type,
    state,
    balance,
    backlog: view.backlog,
    lag: balance.pending,
    inFlight: view.inFlight,
    ...(ageMs !== undefined && { oldestAgeMs: ageMs }),
  };
}
