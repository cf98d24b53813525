import { langfuseProfile } from "../langfuse/profile.ts";
import { openinference } from "./openinference.ts";
import { composed, type Profile } from "./profile.ts";
import { semconv } from "./semconv.ts";

interface ProfileOptions {
  /** Also what was said: messages, arguments, results. */
  readonly content: boolean;
}

/**
 * Every vocabulary that can be chosen, by name: the conventions' own, and what some backends read besides.
 */
export const PROFILES = {
  semconv,
  // Alone: beside the conventions' names, Langfuse would ignore the usage of an agent.
  langfuse: (options) => langfuseProfile({}, options),
  openinference: (options) => composed(semconv(options), openinference(options)),
} as const satisfies Record<string, (options: ProfileOptions) => Profile>;
