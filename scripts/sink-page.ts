import type { SinkDefinition } from "../packages/sluice/src/sinks/define.ts";

/** The reference page of a sink, from its definition and nothing else. */
export function sinkPage(definition: SinkDefinition): string {
  const { type, summary, docs, limits } = definition;
  // What a batch costs in requests is the sink's: for most it is one, for helicone one an event.
  const rate = limits.requestsPerSecond === undefined ? "" : `, ${limits.requestsPerSecond} batches a second`;
  const sections = [
    `# ${type}`,
    summary,
    "<!-- Written by `npm run docs` from the sink's definition. Do not edit. -->",
    docs && `## Example\n\n\`\`\`toml\n${docs.example}\n\`\`\``,
    `## Options\n\n${table(["option", "type", "default", ""], optionRows(definition))}`,
    docs && `## What becomes of an event\n\n${table(["event", `at ${type}`], docs.mapping)}`,
    docs?.notes && `## Good to know\n\n${docs.notes.map((note) => `- ${note}`).join("\n")}`,
    `## Limits\n\n${limits.events} ${limits.events === 1 ? "event" : "events"} and ${limits.bytes} bytes a batch${rate}, ` +
      `${definition.inFlight} ${definition.inFlight === 1 ? "batch" : "batches"} in flight. ${ORDER[definition.order]}`,
  ];
  return `${sections.filter((section) => section !== undefined).join("\n\n")}\n`;
}

const ORDER = {
  none: "Events may overtake each other.",
  run: "Events of one run arrive in their order.",
  trace: "Events of one trace arrive in their order.",
};

/** What this page needs of a JSON Schema. */
interface Property {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly secret?: boolean;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
}

function optionRows(definition: SinkDefinition): string[][] {
  return rowsOf(definition.options.toJSONSchema({ io: "input" }) as Property, "");
}

function rowsOf(schema: Property, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    [
      `\`${prefix}${name}\``,
      typeOf(property),
      defaultOf(property, schema.required?.includes(name) ?? false),
      property.description ?? "",
    ],
    ...rowsOf(property, `${prefix}${name}.`),
  ]);
}

function typeOf(property: Property): string {
  if (property.enum) return property.enum.map((value) => `\`${value}\``).join(" or ");
  if (property.secret) return property.type === "array" ? "list of secrets" : "secret";
  if (property.format === "uri") return "URL";
  if (property.type === "array") return "list";
  return property.type === "object" ? "table" : (property.type ?? "");
}

function defaultOf(property: Property, isRequired: boolean): string {
  if (typeof property.default === "object") return `\`${JSON.stringify(property.default)}\``;
  if (property.default !== undefined) return `\`${property.default}\``;
  return isRequired ? "required" : "";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
