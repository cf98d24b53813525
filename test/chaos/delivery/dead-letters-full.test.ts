import { systemClock } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { eventsOf } from "./collector.ts";
import { collector, Rig, range } from "./rig.ts";

const EVENTS = scaled({ test: 2_000, chaos: 20_000, soak: 200_000 });
/** Every so many of them is one that the backend refuses. */
const POISON_EVERY = 4;
/** Dead letters have a 16th of it: as much as 200 events of this battery take, or so. */
const MAX_BYTES = 1024 * 1024;
/** Appended at once; the spool has no room for many more. */
const STEP = 500;
const STEP_MS_MAX = scaled({ test: 10_000, chaos: 30_000, soak: 30_000 });

let rig: Rig;
beforeEach(() => {
  rig = new Rig(systemClock, MAX_BYTES);
});
afterEach(() => rig.tearDown());

test(
  "dead letters that are full cost what is refused, and no other event of that sink or another (P6, P2, T44)",
  async () => {
    const [refusing, other] = [await rig.station(), await rig.station()];
    refusing.backend.choose((request) =>
      eventsOf(request).some(({ id }) => isPoison(id)) ? { status: 400, body: "no" } : "pass",
    );
    await rig.open(collector("refusing", refusing, { events: 20 }), collector("other", other));

    for (let at = 0; at < EVENTS; at += STEP) {
      await rig.append(...range(STEP, `${at / STEP}-`));
      await rig.settled(STEP_MS_MAX);
    }

    const { deadLettered, dropped, delivered } = rig.balanceOf("refusing");
    const poisons = EVENTS / POISON_EVERY;
    expect(deadLettered).toBeGreaterThan(0);
    expect(dropped).toEqual({ deadletters_full: poisons - deadLettered });
    expect(poisons - deadLettered, "it was full for long").toBeGreaterThan(poisons / 4);
    expect(delivered).toBe(EVENTS - poisons);
    expect(refusing.arrivals.ids).toHaveLength(EVENTS - poisons);
    expect(refusing.arrivals.distinct).toEqual(new Set(rig.acknowledged.filter((id) => !isPoison(id))));
    expect(rig.balanceOf("other")).toMatchObject({ delivered: EVENTS, deadLettered: 0, dropped: {} });
    expect(other.arrivals.ids).toEqual(rig.acknowledged);
    await rig.proveBooks();
    figure("P6", `dead letters full, ${poisons} refused of ${EVENTS}: other events lost`, 0, "0");
  },
  scaled({ test: 30_000, chaos: 180_000, soak: 1_800_000 }),
);

function isPoison(id: string): boolean {
  return Number(id.split("-")[1]) % POISON_EVERY === 0;
}
