import type { SinkDefinition } from "../../sinks/define.ts";
import type { Figures } from "../figures.ts";
import type { Admission } from "./admission.ts";
import type { Lanes } from "./lanes.ts";

/** How long events wait for company: a full batch goes at once, another one by the age of its oldest event. */
export class Company {
  readonly #limits: SinkDefinition["limits"];
  readonly #lanes: Lanes;
  readonly #admission: Admission;
  readonly #ageMs: number;

  constructor(limits: SinkDefinition["limits"], lanes: Lanes, admission: Admission, figures: Figures) {
    this.#limits = limits;
    this.#lanes = lanes;
    this.#admission = admission;
    this.#ageMs = limits.ageMs ?? figures.batchAgeMs;
  }

  /** Is there a batch that need not wait any longer? `isAll`: nothing more will come. */
  isDue(nowMs: number, isAll: boolean): boolean {
    const { ready, readyBytes } = this.#lanes;
    if (ready === 0) return false;
    if (ready >= this.#limits.events || readyBytes >= this.#limits.bytes) return true;
    return isAll || this.#admission.isFull || nowMs >= this.dueAtMs;
  }

  /** When the oldest that is ready has waited long enough. */
  get dueAtMs(): number {
    const { oldestReadAtMs = Number.POSITIVE_INFINITY } = this.#lanes;
    return oldestReadAtMs + this.#ageMs;
  }
}
