import { expect, test } from "vitest";
import { importsOf, type SourceFile, sourceFiles } from "./sources.ts";

/**
 * Who may import whom, besides itself. A room is a folder below a package's src, or a file beside them.
 * The whole table fits on a screen on purpose: it is the house.
 */
const SDK: Record<string, readonly string[]> = {
  system: [],
  event: ["system"],
  logfile: ["event", "system"],
  stream: ["event", "providers", "system"],
  providers: ["event", "system"],
  emit: ["event", "logfile", "stream", "system"],
  run: ["emit", "event", "system"],
  wrap: ["emit", "event", "providers", "run", "stream", "system"],
  "index.ts": ["emit", "event", "run", "stream", "wrap"],
  "internal.ts": ["emit", "event", "logfile", "providers", "system"],
};

const SLUICE: Record<string, readonly string[]> = {
  "errors.ts": [],
  http: [],
  tokens: [],
  cost: [],
  transforms: ["tokens", "cost", "spool/spool.ts"],
  spool: ["errors.ts"],
  live: ["spool/spool.ts"],
  sources: ["errors.ts", "http", "spool/spool.ts", "spool/received.ts", "spool/run-end.ts"],
  sinks: ["errors.ts"],
  dispatch: [
    ...["errors.ts", "spool/spool.ts", "spool/received.ts", "spool/run-end.ts"],
    ...["sinks/define.ts", "sinks/delivery.ts"],
  ],
  "formats.ts": ["errors.ts", "spool", "dispatch"],
  "pipeline-options.ts": ["spool", "sinks", "dispatch", "transforms/meter.ts"],
  "replays.ts": ["errors.ts", "spool/spool.ts", "dispatch"],
  "seat.ts": ["pipeline-options.ts", "replays.ts", "spool/spool.ts", "sinks", "dispatch"],
  "assembler-seat.ts": ["pipeline-options.ts", "seat.ts", "spool/spool.ts", "dispatch"],
  "sink-routes.ts": [
    "errors.ts",
    "pipeline-options.ts",
    "replays.ts",
    "seat.ts",
    "spool/spool.ts",
    "sinks",
    "dispatch",
  ],
  "pipeline.ts": [
    "errors.ts",
    "formats.ts",
    "assembler-seat.ts",
    "pipeline-options.ts",
    "replays.ts",
    "seat.ts",
    "sink-routes.ts",
    "spool",
    "live",
    "sources",
    "transforms",
    "sinks",
    "dispatch",
  ],
  "verify.ts": ["errors.ts", "formats.ts", "spool", "dispatch"],
  // What watches the pipeline stands above it; the stages know observers, not telemetry.
  telemetry: ["errors.ts", "pipeline.ts", "spool/spool.ts"],
  config: ["errors.ts", "telemetry/secrets.ts", "transforms", "sinks", "pipeline.ts"],
  api: ["errors.ts", "http", "live", "config/schema.ts", "pipeline.ts"],
  daemon: [
    ...["errors.ts", "formats.ts", "http", "telemetry", "live", "sources", "sinks", "config", "api"],
    "pipeline.ts",
  ],
  cli: ["errors.ts", "config", "daemon", "api", "sinks", "testing", "pipeline.ts", "verify.ts"],
  testing: ["errors.ts", "http", "spool", "sinks", "sources"],
  "index.ts": ["errors.ts", "sinks", "pipeline.ts"],
};

const PACKAGES = [
  { root: "packages/sdk/src/", rooms: SDK },
  { root: "packages/sluice/src/", rooms: SLUICE },
];

/** What touches the machine, and the only places that may. */
const MACHINE =
  /^node:(fs|fs\/promises|net|dns|dns\/promises|child_process|timers|timers\/promises|os|http|https|sqlite|worker_threads)$/;
const MACHINE_ROOMS: Record<string, readonly string[]> = {
  "packages/sdk/src/system/": [
    ...["node:fs", "node:fs/promises", "node:timers/promises", "node:os"],
    ...["node:http", "node:https"],
  ],
  "packages/sluice/src/spool/file/owner.ts": ["node:sqlite", "node:fs", "node:os"],
  "packages/sluice/src/sinks/addresses.ts": ["node:net", "node:os"],
  "packages/sluice/src/tokens/vocabulary.ts": ["node:fs"],
  "packages/sluice/src/tokens/count-program.ts": ["node:worker_threads"],
  "packages/sluice/src/tokens/count-thread.ts": ["node:worker_threads"],
  "packages/sluice/src/sinks/lookup.ts": ["node:dns", "node:net"],
  "packages/sluice/src/sinks/postgres/dial.ts": ["node:net"],
  "packages/sluice/src/sinks/sqlite/": ["node:sqlite", "node:worker_threads", "node:fs"],
  "packages/sluice/src/sources/": ["node:http", "node:https"],
  "packages/sluice/src/http/": ["node:http"],
  "packages/sluice/src/api/": ["node:http", "node:net"],
  "packages/sluice/src/config/": ["node:fs", "node:os"],
  "packages/sluice/src/daemon/": [
    "node:http",
    "node:fs",
    "node:fs/promises",
    "node:child_process",
    "node:os",
  ],
  "packages/sluice/src/cli/": [
    "node:http",
    "node:net",
    "node:fs",
    "node:fs/promises",
    "node:child_process",
    "node:os",
  ],
  "packages/sluice/src/testing/": ["node:http", "node:net", "node:fs", "node:fs/promises", "node:os"],
};

const files = sourceFiles();
const shipped = files.filter((file) => !file.isTest);

test("no room imports from a room above it", () => {
  const wrong = shipped.flatMap((file) => PACKAGES.flatMap(({ root, rooms }) => strays(file, root, rooms)));

  expect(wrong).toEqual([]);
});

test("sources and sinks know the spool and each other by their seams only", () => {
  const source = {
    path: "packages/sluice/src/sources/x.ts",
    text: `import { a } from "../spool/file/spool.ts";`,
  };

  expect(strays({ ...source, lines: [], isTest: false }, "packages/sluice/src/", SLUICE)).toHaveLength(1);
});

test("only system, and the few rooms named here, touch the machine", () => {
  const wrong = shipped.flatMap((file) =>
    importsOf(file)
      .filter((name) => MACHINE.test(name) && !mayTouch(file.path, name))
      .map((name) => `${file.path} imports ${name}: use @sluice/sdk/internal (system/) instead`),
  );

  expect(wrong).toEqual([]);
});

test("the SDK imports nothing but Node and itself", () => {
  const wrong = shipped
    .filter((file) => file.path.startsWith("packages/sdk/"))
    .flatMap((file) =>
      importsOf(file).filter((name) => !name.startsWith("node:") && !name.startsWith("packages/sdk/")),
    );

  expect(wrong).toEqual([]);
});

test("no import goes round in a circle", () => {
  const graph = new Map(shipped.map((file) => [file.path, runtimeImportsOf(file)]));

  expect(findCycle(graph)).toBeUndefined();
});

function strays(file: SourceFile, root: string, rooms: Record<string, readonly string[]>): string[] {
  if (!file.path.startsWith(root)) return [];
  const room = roomOf(file.path.slice(root.length));
  const allowed = rooms[room];
  if (!allowed)
    return [`${file.path}: the room "${room}" is not in the table of ${root}; give it a place there`];
  return importsOf(file)
    .filter((path) => path.startsWith(root))
    .map((path) => path.slice(root.length))
    .filter((path) => roomOf(path) !== room && !allowed.includes(roomOf(path)) && !allowed.includes(path))
    .map((path) => `${file.path} imports ${path}, which is not below it`);
}

function roomOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function mayTouch(path: string, name: string): boolean {
  return Object.entries(MACHINE_ROOMS).some(([room, names]) => path.startsWith(room) && names.includes(name));
}

/** Type-only imports are gone at run time and cannot close a circle. */
function runtimeImportsOf(file: SourceFile): readonly string[] {
  const text = file.text.replaceAll(/^import type .*?;$/gms, "");
  return importsOf({ ...file, text }).filter((name) => name.startsWith("packages/"));
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}
