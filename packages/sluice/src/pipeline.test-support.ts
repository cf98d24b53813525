import { encodeEvent } from "@sluice/sdk/internal";
import { expect } from "vitest";
import type { Pipeline } from "./pipeline.ts";
import { Received } from "./spool/received.ts";

/** Appends events with these ids, which say nothing more. */
export async function appendNotes({ intake }: Pipeline, ids: readonly string[]): Promise<void> {
  const records = ids.map((id) => {
    const event = { id, kind: "note.made", time: "2026-01-01T00:00:00Z" };
    const received = new Received(Buffer.from(encodeEvent(event)));
    return { id, kindCode: 0, flags: 0, received, body: received.bytes };
  });
  for (const { status } of await intake.append(records)) expect(status).toBe("appended");
}
