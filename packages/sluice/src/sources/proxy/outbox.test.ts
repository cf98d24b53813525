import { expect, test } from "vitest";
import { Received } from "../../spool/received.ts";
import type { AppendOutcome, NewRecord } from "../../spool/spool.ts";
import { Outbox } from "./outbox.ts";

function record(sizeBytes: number): NewRecord {
  return {
    id: "e",
    kindCode: 2,
    flags: 0,
    received: new Received(new Uint8Array()),
    body: new Uint8Array(sizeBytes),
  };
}

/** An intake that answers when it is told to. */
function heldIntake() {
  const appends: { readonly records: readonly NewRecord[]; answer(status: AppendOutcome["status"]): void }[] =
    [];
  const append = (records: readonly NewRecord[]) =>
    new Promise<readonly AppendOutcome[]>((resolve) =>
      appends.push({
        records,
        answer: (status) => resolve(records.map(() => ({ status, offset: 0, reason: "" }) as AppendOutcome)),
      }),
    );
  return { appends, intake: { bootId: "b", durability: "disk", append } as const };
}

test("what is pushed in one turn goes in one append, in order", async () => {
  const { appends, intake } = heldIntake();
  const outbox = new Outbox(intake, () => {});
  outbox.push([record(1)]);
  outbox.push([record(2), record(3)]);

  outbox.flush();
  outbox.flush();

  expect(appends.map((append) => append.records.map((each) => each.body.length))).toEqual([[1, 2, 3]]);
});

test("beyond 16 MiB that wait, events are counted instead of kept, until there is room again", async () => {
  const { appends, intake } = heldIntake();
  const lost: [string, number][] = [];
  const outbox = new Outbox(intake, (reason, n) => lost.push([reason, n]));
  outbox.push([record(12 * 1024 * 1024)]);
  outbox.flush();

  outbox.push([record(5 * 1024 * 1024), record(1)]);

  expect(lost).toEqual([["memory", 2]]);
  appends[0]?.answer("appended");
  await outbox.settled();
  outbox.push([record(5 * 1024 * 1024)]);
  expect(lost).toHaveLength(1);
});

test("settled waits for every answer, and a conflict is counted", async () => {
  const { appends, intake } = heldIntake();
  const lost: string[] = [];
  const outbox = new Outbox(intake, (reason) => lost.push(reason));
  outbox.push([record(1)]);
  let isSettled = false;

  const settled = outbox.settled().then(() => {
    isSettled = true;
  });
  await Promise.resolve();
  expect(isSettled).toBe(false);
  appends[0]?.answer("conflict");
  await settled;

  expect(lost).toEqual(["conflict"]);
});

test("what the spool refuses is counted by its code, also while the disk hangs (P7)", async () => {
  const { appends, intake } = heldIntake();
  const lost: [string, number][] = [];
  const outbox = new Outbox(intake, (reason, n) => lost.push([reason, n]));
  for (const status of ["full", "failed", "slow"] as const) {
    outbox.push([record(1)]);
    outbox.flush();
    appends.at(-1)?.answer(status);
  }

  await outbox.settled();

  expect(lost).toEqual([
    ["spool_full", 1],
    ["spool_failed", 1],
    ["storage_slow", 1],
  ]);
});
