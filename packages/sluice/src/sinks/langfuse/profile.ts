import type { Json, JsonObject } from "@sluice/sdk";
import type { Profile, WritableAttributes } from "../otlp/profile.ts";
import { observationOf } from "./observation.ts";
import { type Deployment, traceFactsOf } from "./trace-facts.ts";

interface Content {
  /** Also what was said: inputs and outputs, and parameters, among which tools are. */
  readonly content: boolean;
}

/**
 * The attributes that Langfuse reads first, of all that it understands. Nothing of the `gen_ai.*` names
 * stands beside them: its server would ignore the usage of what they call an agent, and take the rest twice.
 * What concerns the whole trace is on every span, because v4 looks for it there.
 */
export function langfuseProfile(deployment: Deployment, { content }: Content): Profile {
  return (event) => {
    const attributes: WritableAttributes = {};
    const put = (name: string, value: string | undefined) => {
      if (value !== undefined) attributes[name] = value;
    };
    const observation = observationOf(event);
    if (observation) {
      put("langfuse.observation.type", observation.type);
      put("langfuse.observation.input", content ? textOf(observation.input) : undefined);
      put("langfuse.observation.output", content ? textOf(observation.output) : undefined);
      put("langfuse.observation.model.name", observation.model);
      put("langfuse.observation.model.parameters", content ? textOf(observation.modelParameters) : undefined);
      put("langfuse.observation.usage_details", textOf(observation.usageDetails));
      put("langfuse.observation.cost_details", textOf(observation.costDetails));
      // In quotation marks, as Langfuse's SDKs write it: servers before v4 read no other form.
      put("langfuse.observation.completion_start_time", JSON.stringify(observation.completionStartTime));
      put("langfuse.observation.level", observation.level);
      put("langfuse.observation.status_message", observation.statusMessage);
      putMembers(attributes, "langfuse.observation.metadata", observation.metadata);
    }
    const facts = traceFactsOf(event, deployment);
    put("langfuse.trace.name", facts.name);
    put("user.id", facts.userId);
    put("session.id", facts.sessionId);
    if (facts.tags) attributes["langfuse.trace.tags"] = facts.tags;
    putMembers(attributes, "langfuse.trace.metadata", facts.metadata ?? {});
    put("langfuse.environment", facts.environment);
    put("langfuse.release", facts.release);
    put("langfuse.version", facts.version);
    return attributes;
  };
}

/** One attribute each, by which Langfuse can filter; what is nested goes as JSON text. */
function putMembers(attributes: WritableAttributes, prefix: string, members: JsonObject): void {
  for (const [key, value] of Object.entries(members)) {
    if (value === undefined || value === null) continue;
    attributes[`${prefix}.${key}`] = scalarOf(value) ?? JSON.stringify(value);
  }
}

/** A number that a double cannot hold has kept its text, and goes as that. */
function scalarOf(value: Json): string | number | boolean | undefined {
  return typeof value === "object" ? undefined : value;
}

/** Text as it is, and everything else as JSON. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : JSON.stringify(value);
}
