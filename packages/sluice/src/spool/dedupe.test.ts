import { seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { Dedupe } from "./dedupe.ts";
import { writeEventKey } from "./keys.ts";

function look(dedupe: Dedupe, id: string): { crc: number; offset: number } | undefined {
  writeEventKey(id, dedupe.key, 0);
  const entry = dedupe.find();
  return entry < 0 ? undefined : { crc: dedupe.crcAt(entry), offset: dedupe.offsetAt(entry) };
}

test("agrees with a map in insertion order through adding, taking back, forgetting and eviction", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(seed);
    const idsMax = 3000;
    const dedupe = new Dedupe(idsMax, 16);
    const model = new Map<string, { crc: number; offset: number }>();
    let offset = 2 ** 33;
    for (let step = 0; step < 8_000; step++) {
      const id = `id-${Math.floor(random.fraction() * 6_000)}`;
      const chance = random.fraction();
      expect(look(dedupe, id), `seed ${seed}, step ${step}`).toEqual(model.get(id));
      if (chance < 0.9 && !model.has(id)) {
        dedupe.add(step, offset);
        if (model.size === idsMax) model.delete([...model.keys()][0] ?? "");
        model.set(id, { crc: step, offset: offset++ });
      } else if (chance < 0.92) {
        dedupe.removeNewest(3);
        for (const newest of [...model.keys()].slice(-3)) model.delete(newest);
      } else if (chance < 0.93) {
        const before = offset - Math.floor(random.fraction() * 2_000);
        dedupe.forgetBelow(before);
        for (const [known, entry] of model) if (entry.offset < before) model.delete(known);
      }
    }
    expect(dedupe.count).toBe(model.size);
    for (const [id, entry] of model) expect(look(dedupe, id)).toEqual(entry);
  }
});

test.each([
  { title: "within the limit, some ids twice", idsMax: 3_000, ids: 700 },
  { title: "three times the limit, no id twice", idsMax: 3_000, ids: Number.POSITIVE_INFINITY },
])("a log that is noted and settled leaves what adding one by one does: $title", ({ idsMax, ids }) => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(seed);
    const noted = new Dedupe(idsMax, 16);
    const added = new Dedupe(idsMax, 16);
    const names = Array.from({ length: Math.min(3 * idsMax, ids * 4) }, (_, step) =>
      Number.isFinite(ids) ? `id-${Math.floor(random.fraction() * ids)}` : `id-${step}`,
    );

    for (const [offset, name] of names.entries()) {
      writeEventKey(name, noted.key, 0);
      noted.note(offset, offset);
      if (!look(added, name)) added.add(offset, offset);
    }
    noted.settle();
    for (const dedupe of [noted, added]) {
      dedupe.forgetBelow(names.length - idsMax / 2);
      look(dedupe, "one more");
      dedupe.add(1, names.length);
      dedupe.removeNewest(2);
    }

    expect(noted.count, `seed ${seed}`).toBe(added.count);
    const [found, wanted] = [noted, added].map((dedupe) => names.map((name) => look(dedupe, name)));
    expect(found, `seed ${seed}`).toEqual(wanted);
  }
});

test("ids that differ in one bit of a UUID are different ids", () => {
  const dedupe = new Dedupe();
  const id = "0197a2c4-5b1e-7d3a-9c4f-0123456789ab";
  look(dedupe, id);
  dedupe.add(1, 0);

  const others = [...id].map((digit, at) =>
    digit === "-" ? "" : id.slice(0, at) + (digit === "0" ? "1" : "0") + id.slice(at + 1),
  );

  for (const other of others.filter((text) => text !== "" && text !== id)) {
    expect(look(dedupe, other), other).toBeUndefined();
  }
  expect(look(dedupe, id.toUpperCase())).toBeUndefined();
});
