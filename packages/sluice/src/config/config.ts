import { createHash } from "node:crypto";
import { resolveDataDir } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import type { Binding, Durability, Metering, PipelineSink, SpoolOptions } from "../pipeline.ts";
import type { SinkDefinition } from "../sinks/define.ts";
import type { Secrets } from "../telemetry/secrets.ts";
import { createFilter, type Filter, type FilterScope } from "../transforms/filter.ts";
import { createSample } from "../transforms/sample.ts";
import type { Layer } from "./layer.ts";
import type { Address, ConfigLayer, PriceEntry, SinkEntry } from "./schema.ts";
import { sinkProblem } from "./sink-conflicts.ts";

/** What the daemon runs on: complete, checked, in our units. */
export interface Config {
  readonly listen: Address;
  /** Also on a unix socket in the data directory. */
  readonly socket: boolean;
  /** A fixed token; absent, each start makes its own. */
  readonly token: string | undefined;
  /** More Host values that are answered. */
  readonly hosts: readonly string[];
  readonly dataDir: string;
  readonly spool: SpoolOptions;
  /** What becomes of events of the bus that come without a trace. */
  readonly binding: Binding;
  /** What is added to complete ends: counted tokens, and what they cost. */
  readonly metering: Metering;
  /** What the acknowledgements of each source are worth. */
  readonly durability: { readonly ingest: Durability; readonly proxy: Durability };
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  readonly upstreams: { readonly openai: Upstream };
  readonly sinks: readonly PipelineSink[];
  /** What must never be printed. */
  readonly secrets: Secrets;
  /** Where settings came from, first to last. */
  readonly origins: readonly string[];
}

interface Upstream {
  readonly baseUrl: string;
  readonly timeoutMs?: number;
  readonly injectUsage?: boolean;
}

/** Loopback, and a port that nothing else is known for. */
const DEFAULT_LISTEN: Address = { host: "127.0.0.1", port: 4747 };
/** A day of a busy application's backlog, on any laptop. */
const DEFAULT_MAX_BYTES = 5 * 1024 ** 3;
/** Enough for the machine to log and for us to write ledgers and dead letters. */
const DEFAULT_MIN_FREE_BYTES = 512 * 1024 ** 2;
/** Until tomorrow, so that yesterday's mistake can be replayed. */
const DEFAULT_KEEP_FOR_MS = 24 * 3_600_000;
/** A bus that names traces at all does so within the first steps of a session. */
const DEFAULT_BIND_WITHIN_MS = 60_000;
const DEFAULT_OPENAI_URL = "https://api.openai.com/v1";

/** The defaults as a person would write them, for the reference page. */
export const DEFAULTS_IN_WORDS: Readonly<Record<string, string>> = {
  "server.listen": '"127.0.0.1:4747"',
  "server.socket": "false",
  "spool.data_dir": "$XDG_STATE_HOME/sluice, else ~/.local/state/sluice; under systemd $STATE_DIRECTORY",
  "spool.max_bytes": '"5 GiB"',
  "spool.min_free": '"512 MiB"',
  "spool.keep_for": '"24h"',
  "assembler.bind_within": '"1m"',
  "assembler.unbound": '"deliver"',
  "log.level": '"info"',
  "tokens.count": "true",
  prices: "what providers publish (@pydantic/genai-prices)",
  "ingest.durability": '"disk"',
  "proxy.durability": '"disk"',
  "proxy.openai.base_url": `"${DEFAULT_OPENAI_URL}"`,
  "proxy.openai.timeout": '"10m"',
  "proxy.openai.inject_usage": "false",
  "sinks.enabled": "true",
  "sinks.from": '"oldest" in a new data directory, else "now"',
  "sinks.backlog.max_bytes": "what the spool takes",
  "sinks.backlog.when_full": '"block"',
  sinks: "one file sink that writes events.jsonl in the data directory",
};

interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly definitions: readonly SinkDefinition[];
  readonly secrets: Secrets;
}

/** Merges checked layers and fills in the defaults. Throws a SluiceError for what only the whole can show. */
export function resolveConfig(layers: readonly Layer[], around: Surroundings): Config {
  const last: Last = <Value>(pick: (settings: ConfigLayer) => Value | undefined) =>
    layers.reduce<Value | undefined>((found, { settings }) => pick(settings) ?? found, undefined);

  const entries = last(({ sinks, streams }) =>
    sinks || streams ? [...(sinks ?? []), ...(streams ?? [])] : undefined,
  );
  const dataDir = dataDirOf(
    last((settings) => settings.spool?.data_dir),
    around,
  );
  const problem = sinkProblem(entries ?? [], around.definitions, dataDir);
  if (problem) throw new SluiceError("CONFIG_INVALID", { problems: problem });
  return {
    listen: last((settings) => settings.server?.listen) ?? DEFAULT_LISTEN,
    socket: last((settings) => settings.server?.socket) ?? false,
    token: last((settings) => settings.server?.token),
    hosts: last((settings) => settings.server?.hosts) ?? [],
    dataDir,
    spool: {
      maxBytes: last((settings) => settings.spool?.max_bytes) ?? DEFAULT_MAX_BYTES,
      minFreeBytes: last((settings) => settings.spool?.min_free) ?? DEFAULT_MIN_FREE_BYTES,
      keepForMs: last((settings) => settings.spool?.keep_for) ?? DEFAULT_KEEP_FOR_MS,
    },
    binding: {
      withinMs: last((settings) => settings.assembler?.bind_within) ?? DEFAULT_BIND_WITHIN_MS,
      unbound: last((settings) => settings.assembler?.unbound) ?? "deliver",
    },
    metering: {
      isCounting: last((settings) => settings.tokens?.count) ?? true,
      prices: (last((settings) => settings.prices) ?? []).map(toPrice),
    },
    durability: {
      ingest: last((settings) => settings.ingest?.durability) ?? "disk",
      proxy: last((settings) => settings.proxy?.durability) ?? "disk",
    },
    logLevel: last((settings) => settings.log?.level) ?? "info",
    upstreams: { openai: openaiUpstream(last) },
    sinks: entries && entries.length > 0 ? entries.map(toPipelineSink) : [defaultSink(around.definitions)],
    secrets: around.secrets,
    origins: layers.filter(({ settings }) => Object.keys(settings).length > 0).map(({ origin }) => origin),
  };
}

/** The value of the last layer that has one. */
type Last = <Value>(pick: (settings: ConfigLayer) => Value | undefined) => Value | undefined;

function openaiUpstream(last: Last): Upstream {
  const timeoutMs = last((settings) => settings.proxy?.openai?.timeout);
  const injectUsage = last((settings) => settings.proxy?.openai?.inject_usage);
  return {
    baseUrl: last((settings) => settings.proxy?.openai?.base_url) ?? DEFAULT_OPENAI_URL,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(injectUsage === undefined ? {} : { injectUsage }),
  };
}

/** systemd names a directory for the daemon; an application's own would be another. */
function dataDirOf(configured: string | undefined, { cwd, env }: Surroundings): string {
  const bySystemd = env["STATE_DIRECTORY"]?.split(":")[0];
  return !configured && bySystemd ? bySystemd : resolveDataDir(configured, cwd, env);
}

/** Without a configuration events still arrive somewhere a person can look at. */
function defaultSink(definitions: readonly SinkDefinition[]): PipelineSink {
  const file = definitions.find(({ type }) => type === "file");
  return {
    name: "file",
    type: "file",
    enabled: true,
    params: file ? file.options.parse({ path: "events.jsonl" }) : {},
  };
}

function toPrice(entry: PriceEntry): Metering["prices"][number] {
  const { cache_read, cache_write_5m, cache_write_1h, audio_input, audio_output, ...same } = entry;
  const { provider, from, reasoning, model, input, output } = same;
  return {
    ...{ model, input, output },
    ...(provider !== undefined && { provider }),
    ...(from !== undefined && { from }),
    ...(cache_read !== undefined && { cacheRead: cache_read }),
    ...(cache_write_5m !== undefined && { cacheWrite5m: cache_write_5m }),
    ...(cache_write_1h !== undefined && { cacheWrite1h: cache_write_1h }),
    ...(reasoning !== undefined && { reasoning }),
    ...(audio_input !== undefined && { audioInput: audio_input }),
    ...(audio_output !== undefined && { audioOutput: audio_output }),
  };
}

function toPipelineSink(entry: SinkEntry): PipelineSink {
  const filter = toFilter(entry);
  const { retry, backlog, sample } = entry;
  return {
    name: entry.name,
    type: entry.type,
    enabled: entry.enabled ?? true,
    params: entry.params ?? {},
    words: createHash("sha256").update(JSON.stringify(entry)).digest("hex"),
    ...(entry.from === undefined ? {} : { from: entry.from }),
    ...(entry.was === undefined ? {} : { was: entry.was }),
    ...(filter === undefined ? {} : { filter: createFilter(filter) }),
    ...(sample === undefined || sample === 1 ? {} : { sample: createSample(sample) }),
    ...(backlog === undefined ? {} : { backlog: toLimit(backlog) }),
    ...(retry?.max_wait === undefined ? {} : { retry: { maxWaitMs: retry.max_wait } }),
  };
}

function toLimit({
  max_bytes,
  when_full,
}: NonNullable<SinkEntry["backlog"]>): NonNullable<PipelineSink["backlog"]> {
  return { ...(max_bytes !== undefined && { maxBytes: max_bytes }), whenFull: when_full ?? "block" };
}

function toFilter(entry: SinkEntry): Filter | undefined {
  const scope = entry.filter?.scope ?? entry.scope;
  const { kinds, where } = entry.filter ?? {};
  if (scope === undefined && kinds === undefined && where === undefined) return undefined;
  return {
    ...(scope === undefined ? {} : { scope: toScope(scope) }),
    ...(kinds === undefined ? {} : { kinds }),
    ...(where === undefined ? {} : { where }),
  };
}

function toScope(scope: NonNullable<SinkEntry["scope"]>): FilterScope {
  switch (scope.kind) {
    case "all":
    case "system":
      return { kind: scope.kind };
    case "connector":
      return { kind: "connector", connectorUid: scope.connector_uid };
    case "session":
      return { kind: "session", sessionId: scope.session_id };
    case "user":
      return { kind: "user", userId: scope.user_id };
    case "tag":
      return { kind: "tag", tag: scope.tag };
  }
}
