import { sinks } from "../packages/sluice/src/sinks/registry.ts";
import { referencePages } from "./reference.ts";
import { sinkPage } from "./sink-page.ts";

/** All generated pages, by their path in the repository. */
export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ...referencePages(),
    ...sinks.map(
      (definition) => [`docs/reference/sinks/${definition.type}.md`, sinkPage(definition)] as const,
    ),
  ]);
}
