import type { Clock } from "@sluice/sdk/internal";
import { pino } from "pino";
import type { Secrets } from "./secrets.ts";

type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** Facts of a line. Values are ours or shortened: no event content, ever. */
type LogFields = Readonly<Record<string, unknown>>;

/** What the daemon writes about itself: one JSON object a line, secrets masked. Never throws, never waits. */
export interface Logger {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /**
   * For what a caller can trigger at will: at most ten lines a second for each code, and one that says how
   * many were left out. Codes are words of ours, so there are few.
   */
  flood(code: string, fields: LogFields, message: string): void;
}

/** Where lines go: the whole line with its line break. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly destination: LogDestination;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** Enough to see the pattern, too few to fill a disk. */
const LINES_PER_SECOND_MAX = 10;

export function createLogger(options: LoggerOptions): Logger {
  const { secrets, destination, clock } = options;
  const writer = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => destination.write(secrets.redact(line)) },
  );
  const windows = new Map<string, { sinceMs: number; lines: number }>();

  return {
    info: (fields, message) => writer.info(fields, message),
    warn: (fields, message) => writer.warn(fields, message),
    error: (fields, message) => writer.error(fields, message),
    flood(code, fields, message) {
      const nowMs = clock.monotonicMs();
      const window = windows.get(code);
      if (window && nowMs - window.sinceMs < 1_000) {
        window.lines++;
        if (window.lines <= LINES_PER_SECOND_MAX) writer.warn({ code, ...fields }, message);
        return;
      }
      const suppressed = window ? window.lines - LINES_PER_SECOND_MAX : 0;
      if (suppressed > 0)
        writer.warn({ code, suppressed }, `${suppressed} more lines like these were left out`);
      windows.set(code, { sinceMs: nowMs, lines: 1 });
      writer.warn({ code, ...fields }, message);
    },
  };
}
