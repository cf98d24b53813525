import { readFileSync, writeSync } from "node:fs";

/** What a program is to do: `{url, key, events, burst, pauseMs, idPrefix, text}`. */
export const job = JSON.parse(process.env["HOSTILE_JOB"]);

const MEMORY_DESCRIPTOR = 3;

/** Calls `emit` for every event, with its id and some text, in bursts as a busy application has them. */
export async function emitAll(emit) {
  for (let index = 0; index < job.events; index++) {
    emit(job.idPrefix + String(index).padStart(12, "0"), job.text);
    if ((index + 1) % job.burst === 0) await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
  }
}

// However it ends, but for a signal. Not `maxRSS`: that begins with what the parent had.
process.on("exit", () => writeSync(MEMORY_DESCRIPTOR, readFileSync("/proc/self/status")));
