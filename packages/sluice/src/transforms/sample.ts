import { createHash } from "node:crypto";
import type { Event, Run } from "@sluice/sdk";

/**
 * Sampling by trace (by run where there is none), so that a conversation is there as a whole or not at all,
 * and the same at every sink and after every restart. Of what is sampled out two things are kept, so that
 * totals and alarms stay right: errors, whole, and the end of every run with its usage, without what was
 * asked and answered: the run says `sampledOut` then. Events of no run are kept.
 */
export function createSample(share: number): (event: Event) => Event | undefined {
  const limit = share * 2 ** 32;
  return (event) => {
    const key = event.traceId ?? event.runId;
    if (key === undefined || fractionOf(key) < limit) return event;
    const { run, kind, origin: _origin, ...rest } = event;
    if (run?.error !== undefined || run?.status === "error") return event;
    return run && kind === "run.ended" ? { ...rest, kind, run: withoutContent(run) } : undefined;
  };
}

/** Evenly spread over 32 bits, whatever ids look like. */
function fractionOf(key: string): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0);
}

function withoutContent({ request, response, ...rest }: Run): Run {
  const { input: _input, ...asked } = request ?? {};
  const { output: _output, ...answered } = response ?? {};
  return {
    ...rest,
    ...(request && { request: asked }),
    ...(response && { response: answered }),
    sampledOut: true,
  };
}
