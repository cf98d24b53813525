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
  CONFIG_INVALID: {
    exit: EXIT.config,
    message: (d) => `The configuration is not right:\n${d.problems}`,
  },
  CONFIG_UNREADABLE: {
    exit: EXIT.config,
    message: (d) =>
      `The configuration ${d.path} cannot be read: ${d.cause}. Mend it, or name another with --config.`,
  },
  SERVICE_UNKNOWN: {
    exit: EXIT.config,
    message: (d) =>
      `Unknown service "${d.service}".${d.nearest ? ` Did you mean "${d.nearest}"?` : ""} Known: ${d.known}.`,
  },
  SERVICE_KEY_MISSING: {
    exit: EXIT.config,
    message: (d) =>
      `The service ${d.service} needs an API key. Set ${d.variables}, or use --api-key-file PATH.`,
  },
  KEY_FILE_UNREADABLE: {
    exit: EXIT.config,
    message: (d) => `The API key cannot be read from ${d.path}: ${d.cause}.`,
  },
  LISTEN_TOKEN_NEEDED: {
    exit: EXIT.config,
    message: (d) =>
      `Listening on ${d.listen} lets other machines in, and no token is set. Set [server] token (or SLUICE_TOKEN), or listen on 127.0.0.1.`,
  },
  LISTEN_FAILED: {
    exit: EXIT.busy,
    message: (d) =>
      `Cannot listen on ${d.listen}: ${d.cause}. Choose another address with --listen HOST:PORT (port 0 takes a free one).`,
  },
  SOCKET_FAILED: {
    exit: EXIT.busy,
    message: (d) =>
      `Cannot listen on the socket ${d.path}: ${d.cause}. Remove [server] socket, or use another data directory.`,
  },
  NOT_RUNNING: {
    exit: EXIT.notRunning,
    message: (d) => `No sluice is running in ${d.path}. Start one with: sluice start`,
  },
  DAEMON_UNREACHABLE: {
    exit: EXIT.unavailable,
    message: (d) =>
      `The sluice at ${d.url} (pid ${d.pid}) does not answer: ${d.cause}. Look into its log with: sluice logs`,
  },
  DAEMON_REFUSED: {
    exit: EXIT.failure,
    message: (d) => `The sluice at ${d.url} refused: ${d.status} ${d.detail}`,
  },
  DETACH_FAILED: {
    exit: EXIT.failure,
    message: (d) => `The daemon did not start: ${d.cause}. Its log is ${d.log}.`,
  },
  STOP_TIMEOUT: {
    exit: EXIT.failure,
    message: (d) =>
      `The sluice with pid ${d.pid} has not ended after ${d.seconds} s. Look into its log with: sluice logs`,
  },
  NOT_FOR_PEOPLE: {
    exit: EXIT.usage,
    message: (d) => `${d.command} is how sluice starts itself. Use: sluice start --detach`,
  },
  LOG_ABSENT: {
    exit: EXIT.io,
    message: (d) => `There is no log at ${d.path}: no sluice has run there. Start one with: sluice start`,
  },
  SPOOL_ABSENT: {
    exit: EXIT.io,
    message: (d) =>
      `There is no spool in ${d.path}, so there is nothing to prove. Name its data directory with --data-dir.`,
  },
  INPUT_UNREADABLE: {
    exit: EXIT.io,
    message: (d) => `${d.path} cannot be read: ${d.cause}.`,
  },
  OUTPUT_UNWRITABLE: {
    exit: EXIT.io,
    message: (d) => `${d.path} cannot be written: ${d.cause}.`,
  },
  MOCK_UNKNOWN_SERVER: {
    exit: EXIT.usage,
    message: (d) =>
      `There is no server "${d.server}" of ${d.service} to stand in for. There are: ${d.known}.`,
  },
  DATA_DIR_BUSY: {
    exit: EXIT.busy,
    message: (d) =>
      `The data directory ${d.path} is in use by ${d.owner}. Stop that one first, or choose another with --data-dir.`,
  },
  DATA_DIR_UNUSABLE: {
    exit: EXIT.permission,
    message: (d) =>
      `The data directory ${d.path} cannot be used: ${d.cause}. Let it be a directory that this user can write to, or choose another with --data-dir.`,
  },
  DATA_DIR_UNREADABLE: {
    exit: EXIT.permission,
    message: (d) =>
      `The data directory ${d.path} cannot be read: ${d.cause}. Ask as the user whose sluice it is, or name another with --data-dir.`,
  },
  SPOOL_TOO_NEW: {
    exit: EXIT.config,
    message: (d) =>
      `${d.path} was written in format ${d.format}, and this version reads up to ${d.known}. Nothing was changed. Use the newer sluice, or choose another directory with --data-dir.`,
  },
  SPOOL_UNREADABLE: {
    exit: EXIT.io,
    message: (d) =>
      `The spool in ${d.path} cannot be opened: ${d.cause}. Nothing was given up. Check the disk, then start again.`,
  },
  SINK_UNKNOWN: {
    exit: EXIT.config,
    message: (d) => `There is no sink "${d.name}". There are: ${d.known}.`,
  },
  SINK_CONFIGURED: {
    exit: EXIT.config,
    message: (d) =>
      `The sink "${d.name}" is in the configuration, so it cannot be forgotten. Take it out there, run sluice reload, and then forget it.`,
  },
  SINK_NOT_RUNNING: {
    exit: EXIT.config,
    message: (d) => `There is no sink "${d.name}" that runs. See: sluice sinks list`,
  },
  LETTER_ABSENT: {
    exit: EXIT.failure,
    message: (d) =>
      `There is no dead letter ${d.offset} of "${d.sink}". See: sluice deadletters list ${d.sink}`,
  },
  LETTERS_NOT_NAMED: {
    exit: EXIT.usage,
    message: (d) =>
      `Name the letters of "${d.sink}" by their offsets, or by --reason REASON, or take --all. See: sluice deadletters list ${d.sink}`,
  },
  EDIT_NEEDS_ONE: {
    exit: EXIT.usage,
    message: (d) =>
      `An edited event takes the place of one letter: name one offset of "${d.sink}". See: sluice deadletters list ${d.sink}`,
  },
  EDIT_NO_EVENT: {
    exit: EXIT.io,
    message: (d) =>
      `${d.path} is no event: it has to be JSON, as sluice deadletters show prints it. Nothing was sent.`,
  },
  REPLAY_RUNNING: {
    exit: EXIT.busy,
    message: (d) =>
      `A replay to "${d.sink}" is under way already. Wait for its end, or end it: sluice replay cancel ${d.sink}`,
  },
  REPLAY_ABSENT: {
    exit: EXIT.failure,
    message: (d) => `There is no replay to "${d.sink}". See: sluice replay list`,
  },
  ROUTE_OTHER_DESTINATION: {
    exit: EXIT.config,
    message: (d) =>
      `The sink "${d.name}" had another type or destination before, and its backlog belongs there. Give the new one another name, or say where it starts with from = "oldest" or from = "now" (dispatcher: --from oldest).`,
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof ERRORS;

const brand = Symbol.for("sluice.error");

/**
 * An expected failure, with a stable code and a sentence that says what to do. Anything else that is thrown
 * is a bug.
 */
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
