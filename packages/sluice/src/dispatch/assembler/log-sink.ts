import { isPiece } from "@sluice/sdk/internal";
import type { Sink } from "../../sinks/define.ts";
import type { ItemDelivery } from "../../sinks/delivery.ts";
import {
  type AppendOutcome,
  FLAG_ASSEMBLED,
  FLAG_PARTIAL,
  FLAG_UNBOUND,
  type Spool,
} from "../../spool/spool.ts";
import { encodeMade } from "./encode-made.ts";
import { copyIdOf } from "./parking.ts";

/**
 * Where the assembler's dead letters go when a person sends them again: into the log, under the id that they
 * would have got in time, with the trace that the person may have written into them.
 */
export function createLogSink(spool: Spool): Pick<Sink, "send"> {
  return {
    async send(batch, signal) {
      const copies = batch.map(({ event }) => ({ ...event, id: copyIdOf(event) }));
      const records = copies.map((event) =>
        encodeMade(event, FLAG_ASSEMBLED | FLAG_UNBOUND | (isPiece(event) ? FLAG_PARTIAL : 0)),
      );
      const outcomes = await spool.append(records, signal);
      return { status: "mixed", each: copies.map((_, index) => deliveryOf(outcomes[index])) };
    },
  };
}

function deliveryOf(outcome: AppendOutcome | undefined): ItemDelivery {
  switch (outcome?.status) {
    case "appended":
    case "duplicate":
      return { status: "delivered" };
    case "conflict":
      return { status: "rejected", reason: "another event with the id that it would have is in the log" };
    default:
      return { status: "retry", reason: outcome?.reason ?? "refused" };
  }
}
