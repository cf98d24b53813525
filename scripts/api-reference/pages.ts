import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Application,
  type DeclarationReflection,
  type ProjectReflection,
  type TypeDocOptions,
} from "typedoc";
import { type Room, rooms } from "./rooms.ts";
import { defineTheme, THEME } from "./theme.ts";

const ROOT = join(import.meta.dirname, "../..");
const NOTICE = "<!-- Written by `npm run docs` from the doc comments of packages/sdk. Do not edit. -->";

/** The SDK's reference, and what is missing in it. */
export interface ApiReference {
  /** By path in the repository. */
  readonly pages: ReadonlyMap<string, string>;
  /** Public names without a doc comment. */
  readonly undocumented: readonly string[];
}

/** Reads the doc comments of everything that the SDK exports, and writes one page for each of its rooms. */
export async function apiReference(sdkRooms: readonly Room[] = rooms()): Promise<ApiReference> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-reference-"));
  try {
    const application = await openTypedoc(sdkRooms, directory);
    const project = await application.convert();
    if (!project) throw new Error("typedoc cannot read the SDK: see what it printed.");
    await application.generateOutputs(project);
    const pages = sdkRooms.map((room) => [pathOf(room.name), pageOf(room, directory)] as const);
    return {
      pages: new Map([[pathOf("README"), indexPage(project, sdkRooms)], ...pages]),
      undocumented: namesOf(project).filter(isUndocumented).map(qualifiedName),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One module for each room stands in a directory of its own, where typedoc takes it for an entry point. */
async function openTypedoc(sdkRooms: readonly Room[], directory: string): Promise<Application> {
  const entryPoints = sdkRooms.map((room) => {
    const file = join(directory, `${room.name}.ts`);
    writeFileSync(file, room.text);
    return file;
  });
  const tsconfig = join(directory, "tsconfig.json");
  writeFileSync(tsconfig, JSON.stringify(compilerSettings(entryPoints)));
  const application = await Application.bootstrapWithPlugins({
    ...{ ...LAYOUT, entryPoints, tsconfig, out: join(directory, "out"), basePath: directory },
    ...{ plugin: ["typedoc-plugin-markdown"], name: "@sluice/sdk", readme: "none", logLevel: "Warn" },
  });
  defineTheme(application);
  return application;
}

/** TypeScript 6 reads what TypeScript 7 builds; it only has to find the room's files and Node's types. */
function compilerSettings(files: readonly string[]): object {
  return {
    extends: join(ROOT, "tsconfig.base.json"),
    files,
    compilerOptions: {
      ...{ composite: false, declaration: false, declarationMap: false, noEmit: true },
      ...{ module: "esnext", moduleResolution: "bundler", typeRoots: [join(ROOT, "node_modules/@types")] },
      ...{ rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true },
    },
  };
}

/** What a reader calls first comes first. */
const GROUPS = [
  ...["Functions", "Classes", "Interfaces", "Type Aliases", "Variables"],
  ...["Constructors", "Properties", "Accessors", "Methods"],
];

/** No line that changes with the machine, the day or the commit; types as code, members as tables. */
const LAYOUT = {
  ...{ disableSources: true, hideGenerator: true, excludePrivate: true, excludeExternals: true },
  ...{
    groupOrder: GROUPS,
    sort: ["source-order"],
  },
  ...{ theme: THEME, router: "module", hidePageHeader: true, hideBreadcrumbs: true, hidePageTitle: true },
  ...{ hideGroupHeadings: true, useCodeBlocks: true, expandObjects: true, expandParameters: true },
  ...{ interfacePropertiesFormat: "table", typeAliasPropertiesFormat: "table" },
  ...{ classPropertiesFormat: "table", typeDeclarationFormat: "table", propertyMembersFormat: "table" },
  parametersFormat: "none",
  tableColumnSettings: { hideModifiers: true, hideDefaults: true, hideInherited: true, hideOverrides: true },
} as TypeDocOptions;

function pathOf(page: string): string {
  return `docs/reference/sdk/${page}.md`;
}

function pageOf(room: Room, directory: string): string {
  const body = readFileSync(join(directory, "out", `${room.name}.md`), "utf8");
  return tidied(`# ${room.title}\n\n${room.summary}\n\n${NOTICE}\n\n${body}`);
}

function indexPage(project: ProjectReflection, sdkRooms: readonly Room[]): string {
  const rows = sdkRooms.map((room) => {
    const names = namesOf(project).filter((name) => name.parent?.name === room.name);
    const list = names
      .map((name) => name.name)
      .sort(byCodeUnit)
      .map((name) => `\`${name}\``);
    return `## [${room.title}](${room.name}.md)\n\n${room.summary}\n\n${list.join(" · ")}`;
  });
  return tidied(["# @sluice/sdk", NOTICE, ...rows].join("\n\n"));
}

/** Rules between headings and blank lines where nothing is printed say nothing. */
function tidied(markdown: string): string {
  return `${markdown
    .replaceAll(/^\*\*\*$/gm, "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim()}\n`;
}

function namesOf(project: ProjectReflection): readonly DeclarationReflection[] {
  return (project.children ?? []).flatMap((room) => room.children ?? []);
}

function isUndocumented(name: DeclarationReflection): boolean {
  const signatures = name.signatures ?? [];
  return !name.hasComment() && !signatures.some((signature) => signature.hasComment());
}

function qualifiedName(name: DeclarationReflection): string {
  return `${name.parent?.name}: ${name.name}`;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : 1;
}
