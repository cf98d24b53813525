import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { SinkChange } from "../pipeline.ts";

/** What came of reading the configuration anew. */
export interface Reloaded {
  readonly sinks: readonly SinkChange[];
  /** Settings that say something else now, by their names in the file: they hold from the next start on. */
  readonly needRestart: readonly string[];
}

/** Everything but the sinks. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  "server.listen": ({ listen }) => listen,
  "server.socket": ({ socket }) => socket,
  "server.token": ({ token }) => token,
  "server.hosts": ({ hosts }) => hosts,
  "spool.data_dir": ({ dataDir }) => dataDir,
  "spool.max_bytes": ({ spool }) => spool.maxBytes,
  "spool.min_free": ({ spool }) => spool.minFreeBytes,
  "spool.keep_for": ({ spool }) => spool.keepForMs,
  "assembler.bind_within": ({ binding }) => binding.withinMs,
  "assembler.unbound": ({ binding }) => binding.unbound,
  "log.level": ({ logLevel }) => logLevel,
  "ingest.durability": ({ durability }) => durability.ingest,
  "proxy.durability": ({ durability }) => durability.proxy,
  "proxy.openai": ({ upstreams }) => upstreams.openai,
};

export function needRestart(running: Config, read: Config): readonly string[] {
  return Object.entries(FIXED)
    .filter(([, of]) => !isDeepStrictEqual(of(running), of(read)))
    .map(([name]) => name);
}
