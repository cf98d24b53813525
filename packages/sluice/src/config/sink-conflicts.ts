import { relative, sep } from "node:path";
import type { SinkDefinition } from "../sinks/define.ts";
import type { SinkEntry } from "./schema.ts";

/** The built-in route that joins the pieces of runs has a ledger of this name. */
const RESERVED_NAME = "assembler";
/** What the daemon keeps in its data directory for itself. */
const OURS = ["spool", "ledgers", "deadletters", "quarantine", "daemon.json", "routes.json", "sluice.log"];
const OURS_BEGINNING = "owner.";

/** What is wrong with a list of sinks that are each right by themselves: a sentence, or undefined. */
export function sinkProblem(
  sinks: readonly SinkEntry[],
  definitions: readonly SinkDefinition[],
  dataDir: string,
): string | undefined {
  const names = new Set<string>();
  const writers = new Map<string, string>();
  const successors = new Map<string, string>();
  for (const { name, was } of sinks) {
    if (was === undefined) continue;
    if (was === RESERVED_NAME)
      return `The sink "${name}" cannot have been "${was}": that is no sink's route.`;
    const other = successors.get(was);
    if (other !== undefined) return `The sinks "${other}" and "${name}" cannot both have been "${was}".`;
    if (sinks.some((sink) => sink.name === was))
      return `The sink "${name}" cannot have been "${was}": there is a sink of that name. Take one of them out.`;
    successors.set(was, name);
  }
  for (const { name, type, params } of sinks) {
    if (name === RESERVED_NAME) return `A sink cannot be called "${name}": sluice has a route of that name.`;
    if (names.has(name)) return `Two sinks are called "${name}". Give each its own name.`;
    names.add(name);

    const definition = definitions.find((candidate) => candidate.type === type);
    const path = definition?.writesTo?.(params ?? {}, dataDir);
    if (path === undefined) continue;
    const other = writers.get(path);
    if (other !== undefined) {
      return `The sinks "${other}" and "${name}" both write to ${path}. Give each its own path.`;
    }
    if (isOurs(path, dataDir)) {
      return `The sink "${name}" cannot write to ${path}: sluice keeps its own data there. Choose another path.`;
    }
    writers.set(path, name);
  }
  return undefined;
}

function isOurs(path: string, dataDir: string): boolean {
  const [first = ""] = relative(dataDir, path).split(sep);
  return OURS.some((name) => first === name || first === `${name}.1`) || first.startsWith(OURS_BEGINNING);
}
