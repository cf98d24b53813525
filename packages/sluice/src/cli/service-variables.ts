import { SluiceError } from "../errors.ts";
import type { Service } from "./services.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** The endpoint that somebody gave, by the flag, for all services, or to the service's own programs. */
export function endpointOf(service: Service, flag: string | undefined, env: Env): string | undefined {
  if (flag) return flag;
  const name = ["LLM_PROXY_ENDPOINT", ...(service.endpointVariables ?? [])].find((each) => env[each]);
  const value = name && env[name];
  if (!value) {
    if (service.isEndpointNeeded)
      throw new SluiceError("SERVICE_ENDPOINT_MISSING", { service: service.name });
    return undefined;
  }
  const path = service.pathBehind?.[name];
  return path === undefined ? value : value.replace(/\/+$/, "") + path;
}

/** A pair of keys of which only one was given would be a missing setting of a file that nobody wrote. */
export function assertWholeKey({ name, keyPair }: Service, key: string): void {
  if (keyPair === undefined || /^[^:]+:./.test(key)) return;
  throw new SluiceError("SERVICE_KEY_HALF", { service: name, variables: keyPair.join(" and ") });
}

/** Where a service's key and endpoint come from beside the flags and LLM_PROXY_…, for help and reference. */
export function ownVariables(service: Service): { readonly key: string; readonly endpoint: string } {
  const key = [...service.keyVariables, ...(service.keyPair ?? [])].filter(
    (each) => each !== "LLM_PROXY_API_KEY",
  );
  return { key: key.join(", "), endpoint: (service.endpointVariables ?? []).join(", ") };
}
