export {
  defineSink,
  type Outgoing,
  type Sink,
  type SinkContext,
  type SinkDefinition,
  type SinkDocs,
  type SinkLimits,
} from "./sinks/define.ts";
export type { Delivery, ItemDelivery } from "./sinks/delivery.ts";
export { delivered } from "./sinks/delivery.ts";
