import type { Spool } from "../spool/spool.ts";
import type { Hub } from "./hub.ts";

/**
 * The same spool, with everything that is appended shown to the hub: what sources bring and what the
 * assembler makes. Acknowledged first; only then may anybody see it.
 */
export function shown(spool: Spool, hub: Hub): Spool {
  return {
    get state() {
      return spool.state;
    },
    layout: spool.layout,
    async append(records, signal, durability) {
      const outcomes = await spool.append(records, signal, durability);
      hub.publish(records.filter((_, index) => outcomes[index]?.status === "appended"));
      return outcomes;
    },
    read: (partition, from, limit, signal) => spool.read(partition, from, limit, signal),
    lease: (route, partition) => spool.lease(route, partition),
    commit: (lease, ledger, durable) => spool.commit(lease, ledger, durable),
    trim: (partition, before) => spool.trim(partition, before),
    close: () => spool.close(),
  };
}
