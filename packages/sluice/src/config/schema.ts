import { z } from "zod";
import { problemOf } from "../transforms/where.ts";
import { parseDuration, parseSize } from "./units.ts";

/**
 * What a configuration may say: one schema for the files, the environment, the reference page and editors.
 * Everything is optional; the defaults stand in `config.ts`. Unknown keys are errors, because a misspelt one
 * would be silently ignored.
 */

const size = z.union([z.int().nonnegative(), z.string()]).transform((value, context) => {
  const bytes = typeof value === "number" ? value : parseSize(value);
  if (bytes !== undefined) return bytes;
  context.addIssue('is no size: write it like "512 MiB" or "5 GB"');
  return z.NEVER;
});

const duration = z.string().transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  context.addIssue('is no duration: write it like "200ms", "30s" or "24h"');
  return z.NEVER;
});

const address = z.string().transform((value, context) => {
  const parsed = parseAddress(value);
  if (parsed) return parsed;
  context.addIssue('is no address: write it like "127.0.0.1:4747" or "[::1]:0"');
  return z.NEVER;
});

const server = z.strictObject({
  listen: address.optional().describe("HOST:PORT to listen on. Port 0 takes a free one."),
  socket: z
    .boolean()
    .optional()
    .describe("Listen on the unix socket sluice.sock in the data directory as well, for this user only."),
  token: z
    .string()
    .min(16, "is too short to be a secret: 16 characters at least")
    .optional()
    .describe(
      "Asked of every caller when listening off loopback; without it a new one is made at each start.",
    ),
  hosts: z
    .array(z.string())
    .optional()
    .describe(
      "More names (HOST or HOST:PORT) under which callers may address this server, as behind a reverse proxy.",
    ),
});

const spool = z.strictObject({
  data_dir: z.string().min(1).optional().describe("Where everything is kept. Relative to this file."),
  max_bytes: size
    .optional()
    .describe("What sluice keeps in the data directory takes no more than this and a segment."),
  min_free: size.optional().describe("No event is taken while the volume has less than this free."),
  keep_for: duration.optional().describe("How long delivered events stay for replay, while there is room."),
});

const assembler = z.strictObject({
  bind_within: duration
    .optional()
    .describe("How long an event of the bus without a `scroll_id` waits for one of its session that has it."),
  unbound: z
    .enum(["deliver", "dead_letter"])
    .optional()
    .describe("What becomes of it then: delivered without a trace, or a dead letter of `assembler`."),
});

const log = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .optional()
    .describe("The least important line that is written."),
});

const upstream = z.strictObject({
  base_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where calls to this provider are sent on to."),
  timeout: duration.optional().describe("How long a call may stand still before it is given up."),
  inject_usage: z
    .boolean()
    .optional()
    .describe(
      "Asks streams for their token counts, and takes that piece out again on the way to the client.",
    ),
});

const durability = z.enum(["disk", "os"]).optional();

const ingest = z.strictObject({
  durability: durability.describe(
    "When an event is acknowledged: synced to the disk, or taken by the system, which syncs within a second.",
  ),
});

const proxy = z.strictObject({
  durability: durability.describe("The same for what is captured of calls, which nobody waits for."),
  openai: upstream.optional().describe("Calls to /openai/… ."),
});

const tokens = z.strictObject({
  count: z
    .boolean()
    .optional()
    .describe("Counts the tokens of runs whose provider gives none, off the path of events."),
});

const usd = z.number().nonnegative().optional();
/** What `Date` would also take, such as a month alone, is not what was meant. */
const day = z.string().refine((text) => /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text)), {
  message: 'is no day: write it like "2026-01-31"',
});

const price = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe("The model, as it answers or was asked for; `llama-*` is all that begin with `llama-`."),
  provider: z.string().min(1).optional().describe("Only of this provider, as events name it: `openai`."),
  from: day.optional().describe("For runs that start from this day (UTC) on; the latest that fits counts."),
  input: z.number().nonnegative().describe("US dollars for a million tokens of the prompt."),
  output: z.number().nonnegative().describe("The same for the answer."),
  cache_read: usd.describe("For tokens of the prompt that came from the provider's cache. Absent: `input`."),
  cache_write_5m: usd.describe("For those that were written to it for five minutes. Absent: `input`."),
  cache_write_1h: usd.describe("For those that were written to it for an hour. Absent: `cache_write_5m`."),
  reasoning: usd.describe("For tokens that the model thought. Absent: `output`."),
  audio_input: usd.describe("For sound in the prompt. Absent: `input`."),
  audio_output: usd.describe("For sound in the answer. Absent: `output`."),
});

const uid = z.string().min(1);
const scope = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({ kind: z.literal("connector"), connector_uid: uid }),
  z.strictObject({ kind: z.literal("session"), session_id: uid }),
  z.strictObject({ kind: z.literal("user"), user_id: uid }),
  z.strictObject({ kind: z.literal("system") }),
  z.strictObject({ kind: z.literal("tag"), tag: uid }),
]);

const where = z.string().superRefine((expression, context) => {
  const problem = problemOf(expression);
  if (problem !== undefined) context.addIssue(`is no condition: ${problem}`);
});

const sinkName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/i,
    "is no sink name: letters, digits, dot, dash and underscore, at most 64",
  );

const sink = z.strictObject({
  name: sinkName.describe("What this sink is called in status, metrics and logs. Its backlog hangs on it."),
  type: z.string().describe("What kind of backend it is."),
  enabled: z.boolean().optional().describe("False sends nothing and keeps the backlog."),
  from: z
    .enum(["oldest", "now"])
    .optional()
    .describe("Where a new sink starts: with what the spool still has, or with what comes."),
  was: sinkName.optional().describe("The name it had before: its backlog comes along."),
  scope: scope.optional().describe("Whose events it gets: all, connector, session, user, system or tag."),
  filter: z
    .strictObject({
      kinds: z
        .array(z.string().min(1))
        .optional()
        .describe('Kinds that pass; "run.*" is all that begin with "run.".'),
      scope: scope.optional(),
      where: where
        .optional()
        .describe("A CEL expression over `event` that must be true, as `event.run.usage.output > 1000`."),
    })
    .optional()
    .describe("Which events it gets; the others count as skipped."),
  sample: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      "The share of traces, 0 to 1, that it gets whole. Of the others it gets errors, and ends without what was asked and answered.",
    ),
  backlog: z
    .strictObject({
      max_bytes: size
        .refine((bytes) => bytes > 0, "must be more than nothing")
        .optional()
        .describe("What the spool keeps for this sink at the most, from its oldest unsettled event on."),
      when_full: z
        .enum(["block", "drop_oldest"])
        .optional()
        .describe(
          "When its backlog, or the spool, is full: refuse new events, or drop and count its oldest ones.",
        ),
    })
    .optional()
    .describe("What happens when it does not keep up."),
  retry: z
    .strictObject({ max_wait: duration.optional().describe("The longest pause between two tries.") })
    .optional()
    .describe("How it is tried again."),
  params: z.record(z.string(), z.unknown()).optional().describe("What this type needs; see its own page."),
});

/** All of them are looked through for every run. */
const PRICES_MAX = 500;
/** More would not be one daemon's work: each has a route, a ledger and a page of metrics. */
const SINKS_MAX = 64;

export const configSchema = z.strictObject({
  server: server.optional().describe("How callers reach the daemon."),
  spool: spool.optional().describe("Where events are kept until every sink has them."),
  assembler: assembler
    .optional()
    .describe("What puts together events that belong together and arrive apart."),
  log: log.optional().describe("What the daemon writes about itself."),
  ingest: ingest.optional().describe("Events that applications send."),
  proxy: proxy.optional().describe("The providers that calls are passed on to."),
  tokens: tokens.optional().describe("What a run is known to have used."),
  prices: z
    .array(price)
    .max(PRICES_MAX)
    .optional()
    .describe(
      "Prices of your own: a discount, a machine of your own. They go before the published ones, and a reload takes them up.",
    ),
  sinks: z.array(sink).max(SINKS_MAX).optional().describe("The backends. One table each."),
  streams: z.array(sink).max(SINKS_MAX).optional().describe("Another word for sinks; both lists are joined."),
});

export type ConfigLayer = z.output<typeof configSchema>;
export type SinkEntry = z.output<typeof sink>;
export type PriceEntry = z.output<typeof price>;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "HOST:PORT" with IPv6 in brackets; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-f:.%a-z]+)\]|([^:[\]/?#@\s]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}
