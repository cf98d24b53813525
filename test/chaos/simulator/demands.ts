import { assertBalance } from "../../../packages/sluice/src/dispatch/balance.ts";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { demand } from "./violation.ts";
import { DATA_DIR, type World } from "./world.ts";

/**
 * P2's equation, for every route, at any moment. Nothing is dropped but what a power cut has torn, and what
 * dead letters have no room for.
 */
export function checkBalances({ pipeline, counts }: World): void {
  if (!pipeline) return;
  const { sinks, assembler, spool } = pipeline.status();
  checkDamage(spool.damaged, counts.powerCuts);
  for (const { sink, balance } of [...sinks, assembler]) {
    assertBalance(balance);
    const { damaged = 0, deadletters_full: _, ...others } = balance.dropped;
    demand(Object.keys(others).length === 0, () => `${sink} has dropped ${JSON.stringify(others)} (P2)`);
    demand(
      damaged <= spool.damaged,
      `${sink} counts ${damaged} as damaged, where the spool lost ${spool.damaged} (P8)`,
    );
  }
}

/**
 * Nothing is damaged here, but of a group of records whose sync was under way when the power went, a later
 * one may have come to the disk and an earlier one not: then the earlier one counts as lost, although
 * nobody was told that it was taken.
 */
function checkDamage(damaged: number, powerCuts: number): void {
  demand(damaged === 0 || powerCuts > 0, `nothing damaged the disk, and ${damaged} records are lost (P8)`);
}

/**
 * The disk as a life has left it, read past the faults: everything that was acknowledged and not trimmed is
 * there as it was sent, every id once, nothing that nobody sent, and `sluice verify` finds nothing wrong.
 */
export async function checkDisk({ memory, acknowledged, counts }: World): Promise<void> {
  const content = await readSpool(DATA_DIR, memory);
  checkDamage(content.damaged, counts.powerCuts);
  const offsets = new Map<string, number>();
  for await (const { offset, body } of content.records()) {
    const id = idIn(body);
    const before = offsets.get(id);
    demand(before === undefined, `${id} is stored at ${before} and at ${offset} (P3)`);
    offsets.set(id, offset);
    demand(acknowledged.isKnown(id, body), `${id} at ${offset} was never sent (P8)`);
  }
  for (const { id, offset } of acknowledged.again.splice(0)) {
    demand(offset < content.firstOffset, `${id} is kept at ${offset}, and was stored again (P3)`);
  }
  for (const { offset, record } of acknowledged.byId.values()) {
    if (offset < content.firstOffset) continue;
    demand(
      offsets.get(record.id) === offset,
      () =>
        `${record.id} was acknowledged at ${offset}, and lies at ${offsets.get(record.id)} ` +
        `of ${content.firstOffset} to ${content.nextOffset}, lost are ${JSON.stringify(content.damagedRanges)} (P1)`,
    );
  }
  if (content.spoolId === undefined) return;
  const verification = await openVerification({ dataDir: DATA_DIR, disk: memory });
  demand(verification.isGood, () => `verify: ${verification.problems.join(" ")} (P2)`);
}

/** Every record of the simulated world begins with its id. */
function idIn(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 200)).toString("latin1");
  return /"id":"([^"]*)"/.exec(text)?.[1] ?? text;
}
