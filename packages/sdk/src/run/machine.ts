import { createIds, type Ids } from "../event/ids.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { systemRandom } from "../system/random.ts";

/** What a run needs of the process that it runs in. A test brings its own. */
export interface Machine {
  readonly clock: Clock;
  readonly ids: Ids;
  /** This process instance, as `run.writer` names it: nobody else ends the runs that it has started. */
  readonly writer: string;
}

const ids = createIds(systemClock, systemRandom);

export const thisMachine: Machine = { clock: systemClock, ids, writer: ids.uuidv7() };
