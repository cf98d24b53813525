import { z } from "zod";
import { DEFAULTS_IN_WORDS } from "../packages/sluice/src/config/config.ts";
import { SHORT_NAMES } from "../packages/sluice/src/config/environment.ts";
import { configSchema } from "../packages/sluice/src/config/schema.ts";

/** docs/reference/config.md, from the schema that checks a configuration. */
export function configPage(): string {
  const schema: Property = z.toJSONSchema(configSchema, { io: "input" });
  const sections = Object.entries(schema.properties ?? {}).map(([name, section]) =>
    sectionOf(name, asProperty(section)),
  );
  return `${[HEAD, EXAMPLE, ORDER, environment(), VALUES, "## Settings", ...sections].join("\n\n")}\n`;
}

/** What this page needs of a JSON Schema. */
interface Property {
  readonly type?: unknown;
  readonly description?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly items?: unknown;
  readonly anyOf?: readonly unknown[] | undefined;
  readonly oneOf?: readonly unknown[] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  readonly required?: readonly string[] | undefined;
}

const HEAD = `# sluice.toml

<!-- Written by \`npm run docs\` from the schema. Do not edit. -->

Without a configuration sluice listens on 127.0.0.1:4747 and writes every event to \`events.jsonl\` in its
data directory.`;

const EXAMPLE = `\`\`\`toml
[server]
listen = "127.0.0.1:4747"

[spool]
max_bytes = "5 GiB"

[[sinks]]
name = "lunary"
type = "lunary"

[sinks.params]
api_key = "\${env:LUNARY_API_KEY}"

[[sinks]]
name = "log"
type = "file"
filter = { kinds = ["run.*"] }

[sinks.params]
path = "runs.jsonl"
\`\`\``;

const ORDER = `## Where settings come from

Of two places the later wins, key by key; a list of sinks replaces the list before it.

1. the defaults below
2. \`/etc/sluice/sluice.toml\`
3. \`$XDG_CONFIG_HOME/sluice/sluice.toml\`, else \`~/.config/sluice/sluice.toml\`
4. the nearest \`sluice.toml\`, from the current directory upward to the root of its repository
5. the environment
6. the command line

\`--config PATH\` or \`SLUICE_CONFIG\` names one file, and 2 to 4 are not looked for. An unknown key is an
error, with its place and the key that was probably meant; so is a sink type that does not exist. The exit
code is then 78. Commands for a running daemon look for nothing but its data directory there.`;

const VALUES = `## Values

- \`\${env:NAME}\` and \`\${file:PATH}\` are filled in, in values only and only once; a missing variable or
  file is an error. A relative path is meant from the configuration's directory.
- Sizes have a unit: \`"512 MiB"\`, \`"5 GB"\`. So have durations: \`"200ms"\`, \`"30s"\`, \`"24h"\`.
- What looks like a key, token, secret or password by its name, or comes from a file, is masked in logs and
  in status.`;

function environment(): string {
  const short = Object.entries(SHORT_NAMES).map(
    ([name, [table, key]]) => `| \`${name}\` | \`[${table}] ${key}\` |`,
  );
  return [
    "Any setting of `[server]`, `[spool]` and `[log]` has a variable, `SLUICE_TABLE__KEY`; some a short one:",
    "",
    "| variable | setting |",
    "| --- | --- |",
    ...short,
    "| `SLUICE_SPOOL__MAX_BYTES` | `[spool] max_bytes` |",
  ].join("\n");
}

function sectionOf(name: string, section: Property): string {
  const isList = section.type === "array";
  const title = isList ? `### [[${name}]]` : `### [${name}]`;
  if (name === "streams") return `${title}\n\n${section.description ?? ""}`;
  const table = isList ? asProperty(section.items) : section;
  const fallback = DEFAULTS_IN_WORDS[name];
  const rows = rowsOf(name, "", table);
  return [
    title,
    `${section.description ?? ""}${fallback === undefined ? "" : ` Default: ${fallback}.`}`,
    ["| setting | | default | |", "| --- | --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

function rowsOf(section: string, prefix: string, table: Property): readonly string[] {
  return Object.entries(table.properties ?? {}).flatMap(([name, value]) => {
    const property = asProperty(value);
    const key = prefix + name;
    const nested = property.properties === undefined ? [] : rowsOf(section, `${key}.`, property);
    if (nested.length > 0 && property.description === undefined) return nested;
    const isRequired = table.required?.includes(name) ?? false;
    const fallback = isRequired ? "required" : (DEFAULTS_IN_WORDS[`${section}.${key}`] ?? "");
    return [
      `| \`${key}\` | ${wordsFor(property)} | ${fallback} | ${property.description ?? ""} |`,
      ...nested,
    ];
  });
}

function wordsFor(property: Property): string {
  if (property.enum !== undefined) return property.enum.map((value) => `\`"${String(value)}"\``).join(" ");
  if (property.anyOf !== undefined) return "size";
  if (property.oneOf !== undefined || property.type === "object") return "table";
  if (property.type === "array") return "list of text";
  if (property.type === "number") return "number";
  if (property.type === "boolean") return "true, false";
  return "text";
}

/** A part of a JSON Schema may also be true or false; ours never are. */
function asProperty(value: unknown): Property {
  return typeof value === "object" && value !== null ? value : {};
}
