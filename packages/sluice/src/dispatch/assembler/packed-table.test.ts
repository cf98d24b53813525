import { seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { NOT_FOUND, PackedTable } from "./packed-table.ts";

interface Model {
  tag: number;
  words: number[];
}

test("agrees with a map through adding, changing and removing, also while one goes through it", () => {
  for (let seed = 0; seed < 6; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random.fraction() * limit);
    const table = new PackedTable(5);
    const model = new Map<number, Model>();
    // Few low halves: keys collide in the index, and in their lower word.
    const someKey = () => below(60) * 0x1_0000_0000 + below(64) * (seed % 2 === 0 ? 1 : 0x400_0001);
    for (let step = 0; step < 16_000; step++) {
      const key = someKey();
      const entry = table.find(key);
      const said = `seed ${seed}, step ${step}`;
      if ((entry !== NOT_FOUND) !== model.has(key))
        expect.fail(`${said}: found what is not there, or not what is`);
      // First it fills up, then it empties, and so on.
      if (random.fraction() < (step % 8_000 < 5_000 ? 0.9 : 0.1)) {
        const at = entry === NOT_FOUND ? table.add(key) : entry;
        if (entry === NOT_FOUND)
          expect([table.get(at, 2), table.get(at, 4), table.tagOf(at)]).toEqual([0, 0, 0]);
        const value: Model = { tag: below(0x8000), words: [below(2 ** 32), 2 ** 32 - 1, below(2 ** 32)] };
        table.setTag(at, value.tag);
        for (const [index, word] of value.words.entries()) table.set(at, 2 + index, word);
        model.set(key, value);
      } else if (entry !== NOT_FOUND) {
        table.remove(entry);
        model.delete(key);
      }
      if (step % 4_000 === 3_999) agrees(table, model, said);
    }

    for (let entry = 0; entry < table.end; entry++) {
      if (!table.isInUse(entry)) continue;
      expect(model.delete(table.keyOf(entry)), `seed ${seed}`).toBe(true);
      table.remove(entry);
    }
    expect([model.size, table.size]).toEqual([0, 0]);
  }
});

function agrees(table: PackedTable, model: ReadonlyMap<number, Model>, said: string): void {
  const found = new Map<number, Model>();
  for (let entry = 0; entry < table.end; entry++) {
    if (!table.isInUse(entry)) continue;
    const words = [2, 3, 4].map((word) => table.get(entry, word));
    found.set(table.keyOf(entry), { tag: table.tagOf(entry), words });
  }
  const sorted = (map: ReadonlyMap<number, Model>) => [...map].sort(([a], [b]) => a - b);
  expect(table.size, said).toBe(model.size);
  expect(sorted(found), said).toEqual(sorted(model));
}
