import type { Spool } from "../spool/spool.ts";
import type { Meter } from "./meter.ts";

/**
 * The same spool, and what is appended is metered first: what the assembler makes of pieces, and ends that
 * come late. An append without anything to count is passed on in the same turn.
 */
export function metered(spool: Spool, meter: Meter): Spool {
  return {
    get state() {
      return spool.state;
    },
    layout: spool.layout,
    append(records, signal, durability) {
      const added = meter.add(records, signal);
      if (!(added instanceof Promise)) return spool.append(added, signal, durability);
      return added.then((ready) => spool.append(ready, signal, durability));
    },
    read: (partition, from, limit, signal) => spool.read(partition, from, limit, signal),
    lease: (route, partition) => spool.lease(route, partition),
    commit: (lease, ledger, durable) => spool.commit(lease, ledger, durable),
    trim: (partition, before) => spool.trim(partition, before),
    close: () => spool.close(),
  };
}
