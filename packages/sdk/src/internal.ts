/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { openai } from "./providers/openai/openai.ts";
export { type RequestText, readRequest, readRequestText } from "./providers/openai/request.ts";
export type { Operation, Provider, Reading, ResponseBody, StreamReader } from "./providers/provider.ts";
export {
  createSseSplitter,
  type ServerSentEvent,
  type SseOptions,
  type SseSplitter,
} from "./providers/sse.ts";
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export { codeOf, type Disk, type DiskFile, systemDisk } from "./system/disk.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
