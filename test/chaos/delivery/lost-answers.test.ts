import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import { collector, Rig, range } from "./rig.ts";

const EVENTS = scaled({ test: 2_000, chaos: 50_000, soak: 500_000 });

const random = seededDraw();
let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.tearDown());

test(
  "of answers of which one in ten is lost no event is, and what comes twice is the same (P1, P13, T21)",
  async () => {
    const station = await rig.station();
    const { backend, arrivals } = station;
    let lost = 0;
    backend.choose(() => {
      if (random.fraction() >= 0.1) return "pass";
      lost++;
      return "loseAnswer";
    });
    await rig.open(collector("sink", station, { events: 20, maxWaitMs: 50 }));

    await rig.append(...range(EVENTS));
    await rig.settled(120_000);

    expect(lost).toBeGreaterThan(0);
    expect(arrivals.distinct).toEqual(new Set(rig.acknowledged));
    expect([...arrivals.changed]).toEqual([]);
    expect(arrivals.duplicates).toBeGreaterThan(0);
    expect(arrivals.duplicates).toBeLessThanOrEqual(lost * 20);
    expect(rig.balanceOf("sink")).toMatchObject({ delivered: EVENTS, deadLettered: 0 });
    await rig.proveBooks();
    figure("P13", `${lost} answers lost after the backend had stored ${EVENTS} events: lost`, 0, "0");
  },
  scaled({ test: 20_000, chaos: 120_000, soak: 600_000 }),
);
