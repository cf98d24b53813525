import { z } from "zod";
import { headersFault } from "../own-headers.ts";
import { PROFILES } from "./profiles.ts";

const TRACES_PATH = "/v1/traces";

export const options = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !URL.parse(url)?.username, "must not contain a user name; set a header instead")
    .default("http://localhost:4318")
    .describe(`Where spans are posted. A base URL gets ${TRACES_PATH}.`),
  headers: z
    .record(z.string(), z.string())
    .superRefine((headers, context) => {
      const message = headersFault(headers);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .default({})
    .describe(
      "Headers to add to each request, as the key. What the server echoes of their values is masked.",
    ),
  encoding: z
    .enum(["protobuf", "json"])
    .default("protobuf")
    .describe("Protobuf is taken by every server, and is smaller; some take JSON as well."),
  gzip: z.boolean().default(false).describe("Compress requests. Not every server can read that."),
  profile: z
    .enum(Object.keys(PROFILES) as [keyof typeof PROFILES])
    .default("semconv")
    .describe(
      "Which attributes a span has: OpenTelemetry's conventions, those with OpenInference's names beside them, or Langfuse's own alone.",
    ),
  content: z
    .boolean()
    .default(false)
    .describe("Send also what was said: messages, system instructions, tools, their arguments and results."),
  resource: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe(
      "Attributes of the resource, as `service.name` (default `sluice`) or `deployment.environment.name`.",
    ),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe("Upper bound for one request, in milliseconds."),
});

export type OtlpOptions = z.output<typeof options>;

/** Where spans are posted: a base URL stands for the path that the protocol gives traces. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === "/") url.pathname = TRACES_PATH;
  return url.href;
}
