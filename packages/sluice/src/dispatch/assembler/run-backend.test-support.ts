import type { Event } from "@sluice/sdk";
import type { Outgoing } from "../../sinks/define.ts";
import type { ItemDelivery } from "../../sinks/delivery.ts";

/** A backend of runs, which outlives the process: it replaces a run that it has, or takes each only once. */
export class RunBackend {
  readonly runs = new Map<string, Event>();
  /** Ids in the order in which they came first; what comes again is the same. */
  readonly ids = new Set<string>();
  late = 0;
  readonly #isWriteOnce: boolean;

  constructor(isWriteOnce: boolean) {
    this.#isWriteOnce = isWriteOnce;
  }

  take({ id, event }: Outgoing): ItemDelivery {
    const { runId = "", run } = event;
    const isKnown = this.ids.has(id);
    this.ids.add(id);
    if (event.kind !== "run.ended" || isKnown) return { status: "delivered" };
    if (this.#isWriteOnce && run?.revision !== undefined) {
      this.late++;
      return { status: "skipped", reason: "late" };
    }
    if (this.#isWriteOnce && this.runs.has(runId)) return { status: "rejected", reason: "written already" };
    this.runs.set(runId, event);
    return { status: "delivered" };
  }
}
