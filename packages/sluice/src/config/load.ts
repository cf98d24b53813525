import { dirname, isAbsolute, join, resolve } from "node:path";
import { codeOf } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import type { SinkDefinition } from "../sinks/define.ts";
import { Secrets } from "../telemetry/secrets.ts";
import { type Config, resolveConfig } from "./config.ts";
import { environmentSettings } from "./environment.ts";
import type { ReadText } from "./interpolate.ts";
import { type Complaint, checkLayer, type Layer, type LayerContext, parseText } from "./layer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the command line may set: the last word. `sinks` is as in a file, and replaces every configured one.
 */
export interface ConfigFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly sinks?: readonly Readonly<Record<string, unknown>>[];
}

export interface LoadOptions {
  readonly cwd: string;
  readonly env: Environment;
  readonly flags: ConfigFlags;
  readonly definitions: readonly SinkDefinition[];
  readonly readText: ReadText;
}

/**
 * The configuration, from all its places; of two the later wins: defaults, /etc/sluice/sluice.toml,
 * $XDG_CONFIG_HOME/sluice/sluice.toml, the nearest sluice.toml upward from here (not past a repository's
 * root), the environment, the flags. `--config` or SLUICE_CONFIG names one file and replaces the three that
 * are looked for. Tables are merged key by key; a list of sinks replaces the list before it. Rejects with a
 * SluiceError that lists every mistake.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  return load(options, await findFiles(options), (settings) => settings);
}

/**
 * Where everything is kept, and nothing else. A command that asks a running daemon has to work while the
 * configuration is broken, and without the secrets that only the daemon's environment has.
 */
export async function loadDataDir(options: Omit<LoadOptions, "definitions">): Promise<string> {
  const files = options.flags.dataDir === undefined ? await findFiles(options) : [];
  return (await load({ ...options, definitions: [] }, files, dataDirOnly)).dataDir;
}

function dataDirOnly(settings: unknown): unknown {
  const spool: unknown = Object(settings).spool;
  const dataDir: unknown = Object(spool).data_dir;
  return dataDir === undefined ? {} : { spool: { data_dir: dataDir } };
}

async function load(
  options: LoadOptions,
  files: readonly Found[],
  part: (settings: unknown) => unknown,
): Promise<Config> {
  const secrets = new Secrets();
  const layers: Layer[] = [];
  const complaints: Complaint[] = [];
  const context = (directory: string): LayerContext => ({
    definitions: options.definitions,
    secrets,
    env: options.env,
    readText: (path) => options.readText(isAbsolute(path) ? path : resolve(directory, path)),
  });
  const add = async (input: { origin: string; text?: string; raw: unknown }, directory: string) => {
    const checked = await checkLayer({ ...input, raw: part(input.raw) }, context(directory));
    if ("complaints" in checked) complaints.push(...checked.complaints);
    else layers.push(checked.layer);
  };

  for (const { path, text } of files) {
    const parsed = parseText(path, text);
    if ("complaint" in parsed) complaints.push(parsed.complaint);
    else await add({ origin: path, text, raw: withPlainDataDir(parsed.raw, dirname(path)) }, dirname(path));
  }
  await add({ origin: "environment", raw: environmentSettings(options.env) }, options.cwd);
  await add({ origin: "command line", raw: flagSettings(options) }, options.cwd);

  if (complaints.length > 0) throw invalid(secrets.redact(complaints.join("\n")));
  return resolveConfig(layers, {
    cwd: options.cwd,
    env: options.env,
    definitions: options.definitions,
    secrets,
  });
}

function invalid(problems: string): SluiceError {
  return new SluiceError("CONFIG_INVALID", { problems });
}

interface Found {
  readonly path: string;
  readonly text: string;
}

async function findFiles({
  cwd,
  env,
  flags,
  readText,
}: Omit<LoadOptions, "definitions">): Promise<readonly Found[]> {
  const named = flags.config ?? env["SLUICE_CONFIG"];
  if (named) {
    const path = resolve(cwd, named);
    return [{ path, text: await readText(path).catch((error) => Promise.reject(unreadable(path, error))) }];
  }
  const configHome = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  const found = [await readIfThere(readText, "/etc/sluice/sluice.toml")];
  if (configHome) found.push(await readIfThere(readText, join(configHome, "sluice", "sluice.toml")));
  found.push(await nearestUpward(readText, cwd));
  const unique = new Map(found.filter((file) => file !== undefined).map((file) => [file.path, file]));
  return [...unique.values()];
}

async function nearestUpward(readText: ReadText, from: string): Promise<Found | undefined> {
  let directory = resolve(from);
  for (;;) {
    const file = await readIfThere(readText, join(directory, "sluice.toml"));
    if (file) return file;
    const parent = dirname(directory);
    if (parent === directory || (await exists(readText, join(directory, ".git")))) return undefined;
    directory = parent;
  }
}

async function readIfThere(readText: ReadText, path: string): Promise<Found | undefined> {
  try {
    return { path, text: await readText(path) };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw unreadable(path, error);
  }
}

async function exists(readText: ReadText, path: string): Promise<boolean> {
  try {
    await readText(path);
    return true;
  } catch (error) {
    // A directory cannot be read as text, and is there all the same.
    return !isAbsent(error);
  }
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

function unreadable(path: string, error: unknown): SluiceError {
  return new SluiceError("CONFIG_UNREADABLE", { path, cause: codeOf(error) ?? String(error) }, error);
}

/** A file's data_dir is meant from where the file stands, not from where the daemon was started. */
function withPlainDataDir(raw: unknown, directory: string): unknown {
  if (typeof raw !== "object" || raw === null || !("spool" in raw)) return raw;
  const { spool } = raw;
  if (typeof spool !== "object" || spool === null || !("data_dir" in spool)) return raw;
  const dataDir = spool.data_dir;
  if (typeof dataDir !== "string" || dataDir === "" || dataDir.startsWith("~/") || dataDir.startsWith("${"))
    return raw;
  return { ...raw, spool: { ...spool, data_dir: resolve(directory, dataDir) } };
}

function flagSettings({ flags, cwd }: LoadOptions): Record<string, unknown> {
  return {
    ...(flags.listen === undefined ? {} : { server: { listen: flags.listen } }),
    ...(flags.dataDir === undefined ? {} : { spool: { data_dir: resolve(cwd, flags.dataDir) } }),
    ...(flags.sinks === undefined ? {} : { sinks: flags.sinks }),
  };
}
