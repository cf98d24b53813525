import type { AppendOutcome, NewRecord, Spool } from "../../../packages/sluice/src/spool/spool.ts";

/**
 * An append by a program whose time is moved by hand, and whose disk is real: what takes too long in that
 * time is given real time until it is answered. What this call itself has stored by then, unanswered, is told
 * as appended, not as a duplicate of itself: its offset is none that was there before.
 */
export async function answered(
  spool: Spool,
  records: readonly NewRecord[],
): Promise<readonly AppendOutcome[]> {
  const { nextOffset } = spool.state;
  for (let isAgain = false; ; isAgain = true) {
    const outcomes = await spool.append(records);
    if (!outcomes.some(({ status }) => status === "slow")) {
      return isAgain ? asFirstTold(outcomes, nextOffset) : outcomes;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The same record may be in a call twice: only the first is what was appended. */
function asFirstTold(outcomes: readonly AppendOutcome[], nextOffset: number): readonly AppendOutcome[] {
  const appended = new Set<number>();
  return outcomes.map((outcome) => {
    if (outcome.status !== "appended" && outcome.status !== "duplicate") return outcome;
    const { offset } = outcome;
    if (offset < nextOffset || appended.has(offset)) return outcome;
    appended.add(offset);
    return { status: "appended", offset };
  });
}
