import {
  type Backend,
  type BackendRequest,
  startBackend,
} from "../../../packages/sluice/src/testing/backend.ts";

/** A Lunary that keeps nothing but how often it took each run: for loads that no memory would hold. */
export interface RunsBackend extends Backend {
  /** How often run `n` came. */
  times(run: number): number;
}

/** The id of a run by its number, a UUID as Lunary wants it. */
export function runIdOf(run: number): string {
  return `5d1f6b7e-3c2a-4b18-9f60-${String(run).padStart(12, "0")}`;
}

export async function startRunsBackend(runsMax: number): Promise<RunsBackend> {
  const taken = new Uint8Array(runsMax);
  const answer = ({ json }: BackendRequest) => {
    const { events } = json as { readonly events: readonly { runId: string; event: string }[] };
    for (const { runId, event } of events) {
      const run = Number(runId.slice(-12));
      if (event === "end") taken[run] = (taken[run] ?? 0) + 1;
    }
    return { body: { results: events.map(({ runId }) => ({ id: runId, success: true })) } };
  };
  const backend = await startBackend({ answer, keep: 1 });
  return Object.create(backend, { times: { value: (run: number) => taken[run] ?? 0 } });
}
