import { z } from "zod";

/** What PostgreSQL takes for a name without looking at it twice; it is quoted all the same. */
const NAME = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/;

export const options = z
  .strictObject({
    url: z
      .string()
      .regex(/^postgres(ql)?:\/\/\S+$/, "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
      .meta({ secret: true })
      .optional()
      .describe(
        "`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`. Instead of it, or of parts of it, the options below.",
      ),
    host: z
      .string()
      .min(1)
      .optional()
      .describe("The server; a directory for its unix socket. Else `PGHOST`, else localhost."),
    port: z.int().min(1).max(65_535).optional().describe("Else `PGPORT`, else 5432."),
    database: z.string().min(1).optional().describe("Else `PGDATABASE`, else the user's name."),
    user: z.string().min(1).optional().describe("Else `PGUSER`, else the name of the daemon's user."),
    password: z.string().min(1).meta({ secret: true }).optional().describe("Else `PGPASSWORD`."),
    schema: z
      .string()
      .regex(NAME, "must be a name of letters, digits and _, 63 at the most")
      .default("sluice")
      .describe("Where the tables are. It is made if it is not there."),
    tls: z
      .enum(["disable", "prefer", "require", "verify-full"])
      .optional()
      .describe(
        "`prefer` takes TLS if the server has it, `require` insists on it, `verify-full` also on a certificate for this host (`NODE_EXTRA_CA_CERTS` names a file with further authorities). Else the URL's `sslmode`, else `prefer`.",
      ),
    connect_timeout_ms: z
      .int()
      .min(100)
      .max(120_000)
      .default(10_000)
      .describe("Upper bound for a connection with its handshake, in milliseconds."),
    timeout_ms: z
      .int()
      .min(100)
      .max(600_000)
      .default(30_000)
      .describe("Upper bound for one batch, in milliseconds. After it the statement is cancelled."),
  })
  .refine(({ url, host, port }) => url === undefined || (host === undefined && port === undefined), {
    message: "is said twice: by `url` and by `host` or `port`",
    path: ["url"],
  });

export type Settings = z.output<typeof options>;

export type TlsMode = "disable" | "prefer" | "require" | "verify-full";

/** `sslmode` as libpq has it. What checks a certificate checks its name too. */
const SSL_MODES: Readonly<Record<string, TlsMode>> = {
  disable: "disable",
  allow: "prefer",
  prefer: "prefer",
  require: "require",
  "verify-ca": "verify-full",
  "verify-full": "verify-full",
};

/** A mode that nobody knows is taken for the strictest. */
export function tlsModeOf({ url, tls }: Settings): TlsMode {
  const inUrl = new URLSearchParams(url?.split("?")[1]).get("sslmode");
  return tls ?? (inUrl === null ? "prefer" : (SSL_MODES[inUrl] ?? "verify-full"));
}

/** Everything that tells the place from another, and nothing that lets somebody in. */
export function placeOf({ url, host, port, database, schema }: Settings): string {
  const place = url?.replace(/^\w+:\/\/(?:[^/]*@)?/, "").replace(/\?.*$/, "");
  return `${place ?? `${host ?? ""}:${port ?? ""}`}/${database ?? ""}#${schema}`;
}

/** What must never be seen: the passwords, as they are written and as they are meant. */
export function secretsOf({ url, password }: Settings): readonly string[] {
  const user = /^\w+:\/\/(?:([^/]*)@)?/.exec(url ?? "")?.[1] ?? "";
  const written = user.includes(":") ? user.slice(user.indexOf(":") + 1) : "";
  const secrets = [
    password,
    url,
    written,
    decoded(written),
    new URLSearchParams(url?.split("?")[1]).get("password"),
  ];
  return secrets.filter((secret) => typeof secret === "string" && secret !== "").map(String);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: the library refuses it, and says so.
  }
}
