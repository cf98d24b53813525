import { expect, test } from "vitest";
import { LiveFirst } from "./live-first.ts";

test("a replay's batch leaves while nothing live is due, and else after every third live one", () => {
  const turns = new LiveFirst();
  const replay = turns.replay();
  expect(replay.mayLeave()).toBe(true);

  turns.live.now("due");
  const order: string[] = [];
  for (let step = 0; step < 12; step++) {
    if (replay.mayLeave()) {
      replay.left();
      order.push("replay");
    } else {
      turns.live.left();
      order.push("live");
    }
  }

  expect(order).toEqual([1, 2, 3].flatMap(() => ["live", "live", "live", "replay"]));
});

test("while the sink is down only the live route tries it, and the replay is told when it is well", async () => {
  const turns = new LiveFirst();
  const replay = turns.replay();
  let told = 0;
  replay.onTurn(() => told++);

  turns.live.now("held");
  for (let step = 0; step < 2; step++) turns.live.left();
  expect(replay.mayLeave()).toBe(false);
  turns.live.now("idle");
  await Promise.resolve();
  expect([replay.mayLeave(), told]).toEqual([true, 1]);

  replay.close();
  turns.live.now("due");
  turns.live.now("idle");
  await Promise.resolve();
  expect(told).toBe(1);
});
