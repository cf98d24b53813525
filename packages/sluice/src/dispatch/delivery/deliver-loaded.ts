import { type Delivered, deliver } from "./deliver.ts";
import type { LargeEvents } from "./large-events.ts";
import type { PendingEvent } from "./pending-event.ts";
import type { Sender } from "./sender.ts";

/**
 * Delivers a batch whose large events were left on the disk: they are read again for it, and are gone from
 * memory when it is over. One that is not there any more is dropped as damaged; a disk that cannot be read is
 * a reason to try again.
 */
export async function deliverLoaded(
  batch: readonly PendingEvent[],
  mode: "series" | "probe",
  sender: Sender,
  large: LargeEvents,
): Promise<Delivered> {
  const loading = large.load(batch);
  if (!loading) return deliver(batch, mode, sender);
  const loaded = await loading.catch((error: unknown) => String(error));
  if (typeof loaded === "string") {
    return { rest: batch, waits: [], stop: { status: "retry", reason: loaded }, wasAsked: false };
  }
  for (const item of loaded.missing) sender.settle(item, { status: "dropped", reason: "damaged" });
  const there = batch.filter((item) => !loaded.missing.includes(item));
  return deliver(there, mode, sender).finally(() => loaded.release());
}
