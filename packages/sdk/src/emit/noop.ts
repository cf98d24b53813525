import type { Emitter } from "./emitter.ts";

/** Takes every event and does nothing with it: for an application whose telemetry is switched off. */
export const noopEmitter: Emitter = {
  emit() {},
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
