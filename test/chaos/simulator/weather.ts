import type { SinkDefinition } from "../../../packages/sluice/src/sinks/define.ts";
import type { Chance } from "./chance.ts";

/**
 * What is the same all through one run, and differs from seed to seed: a run in which everything happens a
 * little never gets to the bottom of anything.
 */
export interface Weather {
  readonly maxBytes: number;
  readonly keepForMs: number;
  /** Of a usual call of the disk. */
  readonly latencyMs: number;
  readonly sinks: readonly Pick<SinkDefinition, "type" | "order" | "inFlight" | "limits">[];
  /** How often each step is taken. */
  readonly steps: Readonly<Record<Step, number>>;
}

export type Step =
  | "append"
  | "moment"
  | "while"
  | "hours"
  | "backend"
  | "diskFault"
  | "diskHeals"
  | "end"
  | "endInCall"
  | "reopen"
  | "drain"
  | "clockStep"
  | "volumeFills"
  | "volumeEmpties";

const STEPS: Record<Step, number> = {
  append: 45,
  moment: 14,
  while: 9,
  hours: 0.6,
  backend: 8,
  diskFault: 4,
  diskHeals: 4,
  end: 1.5,
  endInCall: 3,
  reopen: 1,
  drain: 0.7,
  clockStep: 1.2,
  volumeFills: 1,
  volumeEmpties: 2,
};

/** What a run can do without: each is left out of some. */
const CAN_BE_ABSENT: readonly Step[] = [
  "backend",
  "diskFault",
  "end",
  "endInCall",
  "clockStep",
  "volumeFills",
];

export function someWeather(chance: Chance): Weather {
  const steps = { ...STEPS };
  for (const step of CAN_BE_ABSENT) if (chance.happens(0.2)) steps[step] = 0;
  return {
    // Sixteen segments of the smallest size are a megabyte; with less, one of them is too large a part.
    maxBytes: chance.oneOf([1536, 2048, 6144]) * 1024,
    keepForMs: chance.oneOf([0, 60_000, 3_600_000, 86_400_000]),
    latencyMs: chance.oneOf([0.05, 0.5, 5]),
    sinks: Array.from({ length: chance.whole(1, 3) }, (_, index) => ({
      type: `backend-${index}`,
      order: chance.oneOf(["none", "run", "trace"]),
      inFlight: chance.oneOf([1, 2, 4]),
      limits: { events: chance.oneOf([1, 4, 16]), bytes: 200_000, ageMs: chance.oneOf([0, 20, 1_000]) },
    })),
    steps,
  };
}
