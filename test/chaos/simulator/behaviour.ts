import type { Outgoing } from "../../../packages/sluice/src/sinks/define.ts";
import type { Delivery, ItemDelivery } from "../../../packages/sluice/src/sinks/delivery.ts";
import type { Chance } from "./chance.ts";

/** What a backend does with one request. */
export interface Answer {
  /** Undefined: it never answers. */
  readonly delivery: Delivery | undefined;
  readonly delayMs: number;
  readonly isTakenEarly: boolean;
  /** Does the sink end when its signal aborts, or only when it pleases? */
  readonly heedsSignal: boolean;
  /** The answer says of all that was taken that it was. */
  readonly isTold: boolean;
  takes(index: number): boolean;
  skips(index: number): boolean;
}

export type Behaviour = (batch: readonly Outgoing[], chance: Chance) => Answer;

/** How a backend can be, each with how often it is so in a simulated world. */
export const BEHAVIOURS = {
  well: 10,
  slow: 2,
  silent: 1,
  busy: 3,
  busyForAWhile: 1,
  forgetful: 2,
  blocked: 1,
  picky: 2,
  mixed: 3,
  small: 1,
  partial: 1,
  flaky: 3,
};

export type BehaviourName = keyof typeof BEHAVIOURS;

export function behaviourOf(name: BehaviourName): Behaviour {
  return MADE[name];
}

const all = () => true;
const none = () => false;

const MADE: Record<BehaviourName, Behaviour> = {
  well: (_, chance) => taking(chance, chance.spread(0.5, 30)),
  slow: (_, chance) => taking(chance, chance.spread(100, 50_000)),
  silent: (_, chance) => ({
    ...taking(chance, 0),
    delivery: undefined,
    takes: chance.happens(0.5) ? all : none,
  }),
  busy: (_, chance) => refusing(chance, { status: "retry", reason: "busy" }),
  busyForAWhile: (_, chance) =>
    refusing(chance, { status: "retry", reason: "busy", retryAfterMs: chance.spread(1, 60_000) }),
  // It has everything, and its answer is lost.
  forgetful: (_, chance) => ({
    ...taking(chance, chance.spread(1, 1_000)),
    delivery: { status: "retry", reason: "connection reset" },
    isTold: false,
  }),
  blocked: (_, chance) => refusing(chance, { status: "blocked", reason: "wrong key" }),
  picky: (batch, chance) =>
    batch.some(isBad) ? refusing(chance, { status: "rejected", reason: "bad event" }) : taking(chance, 5),
  mixed: (batch, chance) => {
    const each = batch.map((): ItemDelivery => SAID[chance.weighed(SAID_OFTEN)]);
    return {
      ...taking(chance, chance.spread(1, 100)),
      delivery: { status: "mixed", each },
      takes: (index) => each[index]?.status === "delivered",
      skips: (index) => each[index]?.status === "skipped",
    };
  },
  small: (batch, chance) =>
    batch.length > 2 || batch.some(({ raw }) => raw.length > 30_000)
      ? refusing(chance, { status: "tooLarge", reason: "too large" })
      : taking(chance, 5),
  partial: (batch, chance) => {
    const rejected = chance.whole(0, Math.min(2, batch.length));
    return {
      ...taking(chance, 5),
      delivery: { status: "partly", rejected, reason: "some were bad" },
      isTold: false,
      takes: (index) => index >= rejected,
    };
  },
  flaky: (batch, chance) =>
    MADE[chance.oneOf<BehaviourName>(["well", "busy", "forgetful", "well", "mixed"])](batch, chance),
};

function taking(chance: Chance, delayMs: number): Answer {
  return {
    delivery: { status: "delivered" },
    delayMs,
    isTakenEarly: chance.happens(0.5),
    heedsSignal: chance.happens(0.7),
    isTold: true,
    takes: all,
    skips: none,
  };
}

function refusing(chance: Chance, delivery: Delivery): Answer {
  return { ...taking(chance, chance.spread(1, 1_000)), delivery, isTold: false, takes: none };
}

const SAID: Record<ItemDelivery["status"], ItemDelivery> = {
  delivered: { status: "delivered" },
  skipped: { status: "skipped", reason: "not_mapped" },
  retry: { status: "retry", reason: "later" },
  rejected: { status: "rejected", reason: "bad item" },
};
const SAID_OFTEN = { delivered: 20, skipped: 1, retry: 2, rejected: 1 } satisfies Record<string, number>;

/** Always the same ones. */
function isBad({ id }: Outgoing): boolean {
  return id.charCodeAt(id.length - 1) % 5 === 0;
}
