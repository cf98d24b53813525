/**
 * For the tests of those who write sinks, or send to one: a scriptable backend, strict stand-ins for
 * Helicone, Langfuse, Lunary and any server of OTLP, and the sink contract.
 */
export type { Answer } from "./answer.ts";
export {
  type Backend,
  type BackendOptions,
  type BackendRequest,
  type Step,
  startBackend,
} from "./backend.ts";
export type { Fault } from "./fault.ts";
export {
  createHelicone,
  HELICONE_TEST_KEY,
  type Helicone,
  type HeliconeRow,
  type HeliconeServer,
  type HeliconeServerOptions,
  startHeliconeServer,
} from "./helicone-server.ts";
export {
  createLangfuse,
  LANGFUSE_TEST_KEYS,
  type Langfuse,
  type LangfuseItem,
  type LangfuseObservation,
  type LangfuseScore,
  type LangfuseServer,
  type LangfuseServerOptions,
  type LangfuseTrace,
  startLangfuseServer,
} from "./langfuse-server.ts";
export {
  createLunary,
  LUNARY_TEST_KEY,
  type Lunary,
  type LunaryServer,
  type LunaryServerOptions,
  startLunaryServer,
} from "./lunary-server.ts";
export type { LunaryItem, LunaryLog, LunaryRun } from "./lunary-tables.ts";
export type { OtlpAttributes, OtlpSpan, OtlpSpanEvent } from "./otlp/span.ts";
export {
  createOtlp,
  type Otlp,
  type OtlpServer,
  type OtlpServerOptions,
  startOtlpServer,
} from "./otlp-server.ts";
export { llmRun, oddEvents, outgoing } from "./outgoing.ts";
export {
  type Answer as ProviderAnswer,
  type Cut,
  cutBody,
  openProviderServer,
  type ProviderFault,
  type ProviderServer,
  type ReceivedRequest,
} from "./provider-server.ts";
export { type Relay, type RelayStep, startRelay } from "./relay.ts";
export {
  type ContractBackend,
  type ContractRule,
  type SinkContract,
  sinkContract,
  type TestRunner,
} from "./sink-contract.ts";
