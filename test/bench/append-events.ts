import { randomUUID } from "node:crypto";
import { Received } from "../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../packages/sluice/src/spool/spool.ts";

/** A generation with its prompt and its answer, as JSON. */
export const EVENT_BYTES = 2_129;

/**
 * As many bodies as fit a processor's cache together: fresh from its source a body is warm, and the limit's
 * buffer is too.
 */
const BODIES = Array.from({ length: 64 }, () => {
  const start = `{"id":"${randomUUID()}","kind":"run.ended","runId":"${randomUUID()}","data":"`;
  return new Received(Buffer.from(`${start}${"x".repeat(EVENT_BYTES - start.length - 2)}"}`));
});

export function newBatches(count: number, size: number): readonly (readonly NewRecord[])[] {
  return Array.from({ length: count }, () => Array.from({ length: size }, newRecord));
}

function newRecord(_: unknown, index: number): NewRecord {
  const runId = anId();
  const received = BODIES[index % BODIES.length] ?? new Received(Buffer.alloc(EVENT_BYTES));
  return { id: anId(), kindCode: 2, flags: 0, runId, orderKey: runId, received, body: received.bytes };
}

/**
 * Ids come out of JSON.parse, flat. `randomUUID` returns a rope, and whoever reads it first pays for
 * flattening it.
 */
function anId(): string {
  return JSON.parse(`"${randomUUID()}"`);
}
