import { resolve } from "node:path";

/** What `dispatcher --service NAME` stands for: one sink, from the seed's flags. */
export interface Service {
  readonly name: string;
  /** Variables that may hold the key, first match wins. Empty: it needs none. */
  readonly keyVariables: readonly string[];
  /** Variables that may say where it is, after `--endpoint` and LLM_PROXY_ENDPOINT. */
  readonly endpointVariables?: readonly string[];
  /** What `--endpoint` means for it. */
  params(settings: ServiceSettings): Readonly<Record<string, unknown>>;
}

interface ServiceSettings {
  readonly apiKey: string | undefined;
  readonly endpoint: string | undefined;
  readonly cwd: string;
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
    name: "lunary",
    keyVariables: [SEED_KEY, "LUNARY_API_KEY"],
    params: ({ apiKey, endpoint }) => ({ api_key: apiKey, ...(endpoint === undefined ? {} : { endpoint }) }),
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
];
