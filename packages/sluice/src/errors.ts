/** Exit codes, sysexits where one fits. `status` uses 3 for "not running"; signals add 128. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notRunning: 3,
  partial: 4,
  unavailable: 69,
  bug: 70,
  io: 74,
  busy: 75,
  permission: 77,
  config: 78,
} as const;

type Details = Readonly<Record<string, string | number>>;
interface Entry {
  readonly exit: number;
  /** What happened, with the value, then what to do. */
  readonly message: (details: Details) => string;
}

/** Every error that a person can meet, in one table. Codes are stable: scripts match on them. */
const ERRORS = {
  CONFIG_UNKNOWN_SINK: {
    exit: EXIT.config,
    message: (d) =>
      `Unknown sink type "${d.type}".${d.nearest ? ` Did you mean "${d.nearest}"?` : ""} Known: ${d.known}.`,
  },
  DATA_DIR_BUSY: {
    exit: EXIT.busy,
    message: (d) =>
      `The data directory ${d.path} is in use by ${d.owner}. Stop that one first, or choose another with --data-dir.`,
  },
  DATA_DIR_UNUSABLE: {
    exit: EXIT.permission,
    message: (d) =>
      `The data directory ${d.path} cannot be used: ${d.cause}. Make it writable for this user, or choose another with --data-dir.`,
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof ERRORS;

const brand = Symbol.for("sluice.error");

/** An expected failure, with a stable code and a sentence that says what to do. Anything else that is thrown is a bug. */
export class SluiceError extends Error {
  readonly [brand] = true;
  readonly code: ErrorCode;
  readonly exit: number;

  constructor(code: ErrorCode, details: Details = {}, cause?: unknown) {
    super(ERRORS[code].message(details), cause === undefined ? undefined : { cause });
    this.name = "SluiceError";
    this.code = code;
    this.exit = ERRORS[code].exit;
  }

  /** Also true for one from another copy of this package. */
  static is(value: unknown): value is SluiceError {
    return typeof value === "object" && value !== null && brand in value;
  }
}
