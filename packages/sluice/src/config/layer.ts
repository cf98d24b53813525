import { parse as parseToml, TomlError } from "smol-toml";
import { z } from "zod";
import type { SinkDefinition } from "../sinks/define.ts";
import { isSecretName, type Secrets } from "../telemetry/secrets.ts";
import { type InterpolationSource, interpolate } from "./interpolate.ts";
import { locate } from "./locate.ts";
import { nearest } from "./nearest.ts";
import { type ConfigLayer, configSchema } from "./schema.ts";

/** One place that settings come from, already parsed and checked: a file, the environment, the flags. */
export interface Layer {
  /** The file's path, or how a person would call it. */
  readonly origin: string;
  readonly settings: ConfigLayer;
}

/** A mistake, as `ORIGIN:LINE:COLUMN: KEY: what is wrong`. */
export type Complaint = string;
type Path = readonly (string | number)[];

export interface LayerInput {
  readonly origin: string;
  /** The TOML text, for its places; absent when the settings do not come from a file. */
  readonly text?: string;
  readonly raw: unknown;
}

export interface LayerContext extends InterpolationSource {
  readonly definitions: readonly SinkDefinition[];
  readonly secrets: Secrets;
}

/** Reads TOML; a syntax error is a complaint with its place. */
export function parseText(origin: string, text: string): { raw: unknown } | { complaint: Complaint } {
  try {
    return { raw: parseToml(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const sentence = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "invalid TOML";
    return { complaint: `${origin}:${error.line}:${error.column}: ${sentence}` };
  }
}

/** Fills placeholders, then checks every key and value, and each sink's params against its own definition. */
export async function checkLayer(
  input: LayerInput,
  context: LayerContext,
): Promise<{ layer: Layer } | { complaints: readonly Complaint[] }> {
  const say = (path: Path, problem: string) => `${place(input, path)}${dotted(path)}${problem}`;
  const filled = await interpolate(input.raw, context);
  for (const secret of filled.fromFiles) context.secrets.add(secret);
  collectSecrets(filled.value, "", context.secrets);
  if (filled.problems.length > 0) {
    return { complaints: filled.problems.map(({ path, problem }) => say(path, problem)) };
  }
  const parsed = configSchema.safeParse(filled.value);
  if (!parsed.success) {
    return { complaints: complaintsOf(parsed.error, configSchema, filled.value, [], say) };
  }
  const settings = { ...parsed.data };
  const complaints: Complaint[] = [];
  for (const list of ["sinks", "streams"] as const) {
    if (settings[list] === undefined) continue;
    settings[list] = settings[list].map((sink, index) => {
      const path = [list, index];
      const definition = context.definitions.find(({ type }) => type === sink.type);
      if (!definition) {
        complaints.push(say([...path, "type"], unknownType(sink.type, context.definitions)));
        return sink;
      }
      const params = definition.options.strict().safeParse(sink.params ?? {});
      if (params.success) return { ...sink, params: params.data };
      complaints.push(
        ...complaintsOf(params.error, definition.options, sink.params ?? {}, [...path, "params"], say),
      );
      return sink;
    });
  }
  return complaints.length > 0 ? { complaints } : { layer: { origin: input.origin, settings } };
}

function unknownType(type: string, definitions: readonly SinkDefinition[]): string {
  const known = definitions.map((definition) => definition.type);
  const list = `Known: ${known.join(", ")}.`;
  const meant = nearest(type, known);
  return `there is no sink type "${type}".${meant ? ` Did you mean "${meant}"?` : ""} ${list}`;
}

function complaintsOf(
  error: z.ZodError,
  schema: z.ZodType,
  value: unknown,
  base: Path,
  say: (path: Path, problem: string) => Complaint,
): Complaint[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== "symbol");
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(schema, path, value);
      return issue.keys.map((key) => say([...base, ...path, key], unknownKey(key, known)));
    }
    const isMissing = issue.code === "invalid_type" && at(value, path) === undefined;
    return [say([...base, ...path], isMissing ? "is missing" : sentence(issue.message))];
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `is no setting. Did you mean "${meant}"?`;
  return known.length === 0 ? "is no setting" : `is no setting. Known here: ${known.join(", ")}`;
}

function sentence(message: string): string {
  return message
    .replace(/^Invalid (input|option): expected /, "must be ")
    .replace(/^Too (big|small): expected \w+ to (have|be) /, "must $2 ")
    .replace(/^Invalid URL$/, "is no URL")
    .replace(/, received .*$/, "");
}

/**
 * The keys that an object may have at `path`, as far as the schema can be walked; for a union, those of its
 * branch.
 */
function knownKeys(schema: z.ZodType, path: Path, value: unknown): readonly string[] {
  let current: unknown = schema;
  for (const [depth, key] of path.entries()) {
    current = bare(current, at(value, path.slice(0, depth)));
    if (current instanceof z.ZodObject) current = current.shape[String(key)];
    else if (current instanceof z.ZodArray) current = current.element;
    else return [];
  }
  current = bare(current, at(value, path));
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function bare(schema: unknown, value: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.unwrap(), value);
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const key = schema.def.discriminator;
  return schema.options.find(
    (option) =>
      option instanceof z.ZodObject &&
      option.shape[key] instanceof z.ZodLiteral &&
      option.shape[key].value === at(value, [key]),
  );
}

function at(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

function collectSecrets(value: unknown, name: string, secrets: Secrets): void {
  if (typeof value === "string" && isSecretName(name)) secrets.add(value);
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    collectSecrets(item, Array.isArray(value) ? name : key, secrets);
  }
}

function place(input: LayerInput, path: Path): string {
  if (input.text === undefined) return `${input.origin}: `;
  const found = locate(input.text, path);
  return found ? `${input.origin}:${found.line}:${found.column}: ` : `${input.origin}: `;
}

/** `sinks[0].params.url `, or nothing for the whole document. */
function dotted(path: Path): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  return text === "" ? "" : `${text.replace(/^\./, "")} `;
}
