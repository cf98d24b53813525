import { readdirSync } from "node:fs";
import type { Bench } from "./measure.ts";

/**
 * `npm run bench [-- NAME …]`: runs the named benchmarks, or all of them, and prints one JSON line per case:
 * {bench, case, value, unit, limit, ratio, runs}. What each compares, and how, stands at the head of its
 * file.
 */
const names = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.replace(".bench.ts", ""));
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark called ${unknown.join(", ")}. There are: ${known.join(", ")}.\n`);
  process.exit(2);
}

for (const name of names.length > 0 ? names : known) {
  const bench: Bench = await import(`./${name}.bench.ts`);
  for await (const { case: title, value, unit, limit, ratio, runs } of bench.cases()) {
    const line = {
      bench: name,
      case: title,
      value: tidy(value),
      unit,
      limit: tidy(limit),
      ratio: tidy(ratio),
      runs,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
process.exit(0);

function tidy(figure: number): number {
  return Number(figure.toPrecision(4));
}
