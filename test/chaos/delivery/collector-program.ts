import { startBackend } from "../../../packages/sluice/src/testing/backend.ts";
import { eventsOf } from "./collector.ts";
import { monotonicMs } from "./monotonic.ts";

/** What came since the last report: every id that is new, when it came, and how often each came by now. */
export interface CollectorReport {
  readonly news: readonly (readonly [id: string, atMs: number])[];
  readonly times: ReadonlyMap<string, number>;
}

const times = new Map<string, number>();
let news: [string, number][] = [];
const backend = await startBackend({
  keep: 1,
  answer: (request) => {
    const events = eventsOf(request);
    for (const { id } of events) {
      const before = times.get(id) ?? 0;
      if (before === 0) news.push([id, monotonicMs()]);
      times.set(id, before + 1);
    }
    return { body: { taken: events.length } };
  },
});
process.on("message", () => {
  const report: CollectorReport = { news, times };
  process.send?.(report);
  news = [];
});
process.send?.(backend.url);
