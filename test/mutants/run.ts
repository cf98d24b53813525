import { rmSync } from "node:fs";
import { copyHouse } from "./copy.ts";
import { type Mutant, type NamedTest, readMutants } from "./mutant.ts";
import { runTests } from "./suite.ts";

/**
 * `npm run mutants [-- NAME …]`: does the battery notice a lie? Each file *.patch here is a bug that somebody
 * could write. It is put into a copy of the repository, and every test that it names must fail there; without
 * it they pass. A mutant that survives means that a test is wrong, not that the product is right.
 */
const names = process.argv.slice(2);
const known = readMutants(import.meta.dirname);
const unknown = names.filter((name) => !known.some((mutant) => mutant.name === name));
if (unknown.length > 0) {
  const list = known.map(({ name }) => name).join(", ");
  process.stderr.write(`No mutant called ${unknown.join(", ")}. There are: ${list}.\n`);
  process.exit(2);
}
const mutants = names.length > 0 ? known.filter(({ name }) => names.includes(name)) : known;

const house = copyHouse();
let survivors = 0;
try {
  const broken = brokenWithout(mutants);
  if (broken.length > 0) {
    process.stderr.write(`Without any mutant these do not pass:\n  ${broken.join("\n  ")}\n`);
    process.exitCode = 1;
  } else {
    for (const mutant of mutants) tryOne(mutant);
    process.stdout.write(`${mutants.length - survivors} of ${mutants.length} mutants caught\n`);
    process.exitCode = survivors === 0 ? 0 : 1;
  }
} finally {
  rmSync(house.path, { recursive: true, force: true });
}

/** A test that fails anyway, or is not there, catches nothing. */
function brokenWithout(mutants: readonly Mutant[]): readonly string[] {
  const tests = mutants.flatMap(({ caughtBy }) => caughtBy);
  const verdicts = runTests(house.path, tests);
  return tests.flatMap((test, index) =>
    verdicts[index] === "passed" ? [] : [`${say(test)}: ${verdicts[index]}`],
  );
}

function tryOne({ name, path, promise, caughtBy }: Mutant): void {
  const startedAtMs = performance.now();
  house.apply(path);
  const verdicts = runTests(house.path, caughtBy);
  house.revert(path);
  const missed = caughtBy.filter((_, index) => verdicts[index] !== "failed");
  if (missed.length > 0) survivors++;
  const verdict = missed.length > 0 ? `NOT CAUGHT by ${missed.map(say).join("; ")}` : "caught";
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  process.stdout.write(`${name} (${promise}): ${verdict}, ${seconds} s\n`);
}

function say({ file, title }: NamedTest): string {
  return `${file} "${title}"`;
}
