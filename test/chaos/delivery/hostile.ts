import type { Step } from "../../../packages/sluice/src/testing/backend.ts";

/** Backends that never take anything, each in its own way, by the number of the request. */
export const HOSTILE: Readonly<Record<string, (request: number) => Step>> = {
  reset: () => "reset",
  hangs: () => "hangAfterHeaders",
  drips: () => ({ body: "x".repeat(60), drip: { bytes: 1, everyMs: 1_000 } }),
  endless: () => "endless",
  busy: () => ({ status: 429, headers: { "retry-after": "1" } }),
  /** Tells lies in turns. */
  lies: (request) => (["garbage", "lie", "html", "resetAfterStatus"] as const)[request % 4] ?? "lie",
};
