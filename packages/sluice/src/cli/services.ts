import { resolve } from "node:path";
import { otlpHeaders } from "./otlp-headers.ts";

/** What `dispatcher --service NAME` stands for: one sink, from the seed's flags. */
export interface Service {
  readonly name: string;
  /** Variables that may hold the key, first match wins. Empty: it needs none. */
  readonly keyVariables: readonly string[];
  /** Two variables that hold the two halves of a key, which is then written `first:second`. */
  readonly keyPair?: readonly [string, string];
  /** Variables of its own that may say where it is, after `--endpoint` and LLM_PROXY_ENDPOINT. */
  readonly endpointVariables?: readonly string[];
  /** What belongs behind the value of such a variable, where it is a base of several addresses. */
  readonly pathBehind?: Readonly<Record<string, string>>;
  /** It is at no place of its own. */
  readonly isEndpointNeeded?: true;
  /** It may need a key, and may not: a server of one's own seldom does. */
  readonly isKeyOptional?: true;
  /** What `--endpoint` means for it. */
  params(settings: ServiceSettings): Readonly<Record<string, unknown>>;
}

interface ServiceSettings {
  readonly apiKey: string | undefined;
  readonly endpoint: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The variable of the first seed: the key of whichever service was chosen. */
const SEED_KEY = "LLM_PROXY_API_KEY";

/** Sorted by name. A service without an endpoint of its own uses its sink's default. */
export const SERVICES: readonly Service[] = [
  {
    name: "file",
    keyVariables: [],
    params: ({ endpoint, cwd }) => ({
      path: endpoint === undefined ? "events.jsonl" : resolve(cwd, endpoint),
    }),
  },
  {
    name: "helicone",
    keyVariables: [SEED_KEY, "HELICONE_API_KEY"],
    params: keyAndEndpoint,
  },
  {
    name: "langfuse",
    keyVariables: [SEED_KEY],
    keyPair: ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"],
    endpointVariables: ["LANGFUSE_HOST", "LANGFUSE_BASE_URL"],
    params: ({ apiKey = "", endpoint }) => {
      const [public_key, ...secret] = apiKey.split(":");
      const secret_key = secret.length === 0 ? undefined : secret.join(":");
      return { public_key, secret_key, ...(endpoint === undefined ? {} : { endpoint }) };
    },
  },
  {
    name: "lunary",
    keyVariables: [SEED_KEY, "LUNARY_API_KEY"],
    params: keyAndEndpoint,
  },
  {
    name: "otlp",
    keyVariables: [SEED_KEY],
    isKeyOptional: true,
    // The headers of OpenTelemetry's own variables may hold a key: it goes where those variables say.
    endpointVariables: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    pathBehind: { OTEL_EXPORTER_OTLP_ENDPOINT: "/v1/traces" },
    params: ({ apiKey, endpoint, env }) => ({
      headers: {
        ...otlpHeaders(env["OTEL_EXPORTER_OTLP_HEADERS"]),
        ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
      },
      ...(endpoint === undefined ? {} : { endpoint }),
    }),
  },
  {
    name: "postgres",
    keyVariables: [],
    endpointVariables: ["DATABASE_URL"],
    params: ({ apiKey, endpoint }) => ({
      ...(endpoint !== undefined && { url: endpoint }),
      ...(apiKey !== undefined && { password: apiKey }),
    }),
  },
  {
    name: "sqlite",
    keyVariables: [],
    params: ({ endpoint, cwd }) => ({
      path: endpoint === undefined ? "events.db" : resolve(cwd, endpoint),
    }),
  },
  {
    name: "webhook",
    keyVariables: [SEED_KEY, "WEBHOOK_SECRET"],
    isEndpointNeeded: true,
    params: ({ apiKey, endpoint }) => ({ secrets: [apiKey], ...(endpoint !== undefined && { endpoint }) }),
  },
];

function keyAndEndpoint({ apiKey, endpoint }: ServiceSettings): Readonly<Record<string, unknown>> {
  return { api_key: apiKey, ...(endpoint === undefined ? {} : { endpoint }) };
}
