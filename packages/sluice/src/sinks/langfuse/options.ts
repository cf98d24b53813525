import { z } from "zod";
import { environmentOf } from "./environment.ts";

/** Langfuse Cloud, in the EU. Others: us.cloud, jp.cloud, hipaa.cloud. */
const CLOUD = "https://cloud.langfuse.com";

const key = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");
const base = z
  .url({ protocol: /^https?$/ })
  .refine(
    (url) => !URL.parse(url)?.username,
    "must not contain a user name; the keys have options of their own",
  )
  .refine((url) => !/\/api\/public/.test(url), "must be the base URL, without /api/public");

export const options = z.strictObject({
  public_key: key
    // It would end early in the header that has both.
    .refine((text) => !text.includes(":"), "must not contain a colon")
    .describe("The project's public key, `pk-lf-…`."),
  secret_key: key.meta({ secret: true }).describe("The project's secret key, `sk-lf-…`."),
  endpoint: base.optional().describe(`The server's base URL. Without it: ${CLOUD}.`),
  host: base.optional().describe("Another word for `endpoint`; of the two it gives way."),
  mode: z
    .enum(["otlp", "ingestion"])
    .default("otlp")
    .describe(
      "How it is sent: `otlp` for Langfuse v4 and the cloud; `ingestion` for v2 and v3, and for a v4 that still writes its old tables.",
    ),
  gzip: z
    .boolean()
    .default(false)
    .describe("Compress spans: less to send for more CPU. The ingestion route takes plain JSON only."),
  environment: z
    .string()
    .min(1)
    .refine(
      (name) => environmentOf(name) === name,
      "is no environment: a-z, 0-9, - and _, at most 40, not langfuse…",
    )
    .optional()
    .describe("The environment of all that is sent; an event's `metadata.environment` wins."),
  release: z.string().min(1).optional().describe("The release; an event's `metadata.release` wins."),
  version: z.string().min(1).optional().describe("The version; an event's `metadata.version` wins."),
  requests_per_second: z
    .number()
    .min(0.01)
    .max(1_000)
    .default(15)
    .describe("What the server allows; the cloud's smallest plan has 1,000 a minute."),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe("Upper bound for one request, in milliseconds."),
});

export type Settings = z.output<typeof options>;

export function endpointOf({ endpoint, host }: Pick<Settings, "endpoint" | "host">): string {
  return endpoint ?? host ?? CLOUD;
}
