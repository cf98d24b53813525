import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A bug that somebody could write, as a patch with a head: what it is, what it breaks, who must notice. */
export interface Mutant {
  readonly name: string;
  readonly path: string;
  /** The promise that it breaks. */
  readonly promise: string;
  readonly caughtBy: readonly NamedTest[];
}

/** A test by its file and by a part of its title. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

/**
 * Reads the patches of a folder. The head of each, before the diff:
 *
 *     A sentence that says what is wrong.
 *
 *     Promise: P1
 *     Caught-by: test/contract/spool.test.ts: part of a title
 *     Caught-by: …
 */
export function readMutants(folder: string): readonly Mutant[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".patch"));
  return files.sort().map((file) => {
    const path = join(folder, file);
    const [head = ""] = readFileSync(path, "utf8").split(/^(?=diff |--- )/m);
    const promise = /^Promise: (P\d+)$/m.exec(head)?.[1];
    const caughtBy = [...head.matchAll(/^Caught-by: (\S+\.ts): (.+)$/gm)].map(
      ([, file = "", title = ""]) => ({
        file,
        title,
      }),
    );
    if (!promise || caughtBy.length === 0) {
      throw new Error(
        `${file} says no promise or no test; see test/mutants/mutant.ts for what stands in its head.`,
      );
    }
    return { name: file.replace(".patch", ""), path, promise, caughtBy };
  });
}
