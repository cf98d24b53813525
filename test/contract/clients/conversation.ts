import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { expect } from "vitest";
import type { SinkDefinition } from "../../../packages/sluice/src/sinks/define.ts";
import { outgoing } from "../../../packages/sluice/src/testing/outgoing.ts";

/**
 * One conversation, as canonical events: an agent that asks a model twice around a tool call, streamed,
 * with cached and reasoned tokens; a call that fails; an embedding; a score. The programs of test/projects
 * tell the same to the SDKs that they are written for.
 */
export const CONVERSATION_FILE = join(import.meta.dirname, "conversation.json");

const CONVERSATION: readonly Event[] = JSON.parse(readFileSync(CONVERSATION_FILE, "utf8"));

/** What a run of the conversation is called here, by its id: the agent, the ask, the tool … */
export function nameOf(runId: string): string {
  return CONVERSATION.find((event) => event.runId === runId)?.id ?? runId;
}

/** The same, of the run that began then. */
export function nameOfStart(startTime: string | undefined): string {
  const found = CONVERSATION.find(({ run }) => run?.startTime === startTime);
  if (!found) throw new Error(`no run of the conversation began at ${startTime}`);
  return found.id;
}

/** Sends it through a sink of ours, as one batch, and closes the sink. */
export async function sendConversation(
  definition: SinkDefinition,
  params: Readonly<Record<string, unknown>>,
): Promise<void> {
  const sink = await definition.open(definition.options.parse(params), {
    name: definition.type,
    clock: systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: () => undefined,
  });
  const delivery = await sink.send(CONVERSATION.map(outgoing), AbortSignal.timeout(10_000));
  await sink.close();
  const each = delivery.status === "mixed" ? delivery.each : [delivery];
  for (const { status } of each) expect(status, JSON.stringify(delivery)).toMatch(/^(delivered|skipped)$/);
}
