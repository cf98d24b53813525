import type { Step } from "../../../packages/sluice/src/testing/backend.ts";

/** Backends that never take anything, each in its own way, by the number of the request. */
export const HOSTILE: Readonly<Record<string, (request: number) => Step>> = {
  reset: () => "reset",
  hangs: () => "hangAfterHeaders",
  drips: () => ({ body: "x".repeat(60), drip: { bytes: 1, everyMs: 1_000 } }),
  "drips-status": () => ({ body: "x", drip: { bytes: 1, everyMs: 1_000, from: "status" } }),
  endless: () => "endless",
  "huge-header": () => "hugeHeader",
  busy: () => ({ status: 429, headers: { "retry-after": "1" } }),
  continues: inTurns("continueForever", "continueFlood"),
  "no-http": inTurns("garbage", "tlsAlert"),
  lies: inTurns("lie", "html", "resetAfterStatus"),
};

function inTurns(...steps: readonly Step[]): (request: number) => Step {
  return (request) => steps[request % steps.length] ?? "reset";
}
