import { resolve } from "node:path";
import { codeOf } from "@sluice/sdk/internal";
import type { Command } from "commander";
import { nearest } from "../config/nearest.ts";
import { SluiceError } from "../errors.ts";
import { type CliContext, type CommonFlags, readText, withCommonFlags } from "./context.ts";
import { type LaunchFlags, launch } from "./launch.ts";
import { assertWholeKey, endpointOf, ownVariables } from "./service-variables.ts";
import { SERVICES, type Service } from "./services.ts";

interface DispatcherFlags extends CommonFlags, LaunchFlags {
  readonly service: string;
  readonly apiKey?: string;
  readonly apiKeyFile?: string;
  readonly endpoint?: string;
  readonly from?: string;
}

const NAME_COLUMNS = 10;
const SERVICE_HELP = `
Variables of the services' own, after LLM_PROXY_API_KEY and LLM_PROXY_ENDPOINT:
${SERVICES.map(helpLine)
  .filter((line) => line !== "")
  .join("\n")}`;

/** `llm-proxy dispatcher`, the first seed's command line: the daemon with one sink, given by flags. */
export function addDispatcher(program: Command, context: CliContext): void {
  const names = SERVICES.map(({ name }) => name).join(", ");
  withCommonFlags(
    program.command("dispatcher").description("start the daemon with one service as its only sink"),
  )
    .option("--service <name>", `where events go: ${names}`, "file")
    .option(
      "--api-key <key>",
      "the service's key; visible to other users of this machine, so rather use the next",
    )
    .option(
      "--api-key-file <path>",
      "a file with the key (else LLM_PROXY_API_KEY, or the service's own variables)",
    )
    .option(
      "--endpoint <url>",
      "the service's URL, or the file's path (LLM_PROXY_ENDPOINT, or the service's own variables)",
    )
    .option("--from <place>", 'where a new endpoint starts: "oldest" (what the spool has) or "now"')
    .option("--listen <host:port>", "where to listen; port 0 takes a free one (SLUICE_LISTEN)")
    .option("--detach", "return when it is ready, and leave it running")
    .option("--json", "print pid, url and version as JSON when it is ready")
    .addHelpText("after", SERVICE_HELP)
    .action(async (flags: DispatcherFlags) => {
      const service = findService(flags.service);
      const apiKey = await findKey(service, flags, context);
      if (apiKey !== undefined) assertWholeKey(service, apiKey);
      const { cwd, env } = context;
      const endpoint = endpointOf(service, flags.endpoint, env);
      const params = service.params({ apiKey, endpoint, cwd, env });
      const from = flags.from === undefined ? {} : { from: flags.from };
      await launch(context, flags, { sinks: [{ name: service.name, type: service.name, params, ...from }] });
    });
}

function helpLine(service: Service): string {
  const { key, endpoint } = ownVariables(service);
  const variables = [key, endpoint].filter((each) => each !== "").join(", ");
  return variables && `  ${service.name.padEnd(NAME_COLUMNS)}${variables}`;
}

function findService(name: string): Service {
  const service = SERVICES.find((candidate) => candidate.name === name);
  if (service) return service;
  const known = SERVICES.map((candidate) => candidate.name);
  throw new SluiceError("SERVICE_UNKNOWN", {
    service: name,
    known: known.join(", "),
    nearest: nearest(name, known) ?? "",
  });
}

async function findKey(
  service: Service,
  flags: DispatcherFlags,
  context: CliContext,
): Promise<string | undefined> {
  if (flags.apiKey) {
    context.say(
      "sluice: --api-key can be seen by other users of this machine. Rather use --api-key-file or LLM_PROXY_API_KEY.",
    );
    return flags.apiKey;
  }
  if (flags.apiKeyFile) return readKey(resolve(context.cwd, flags.apiKeyFile));
  const key = variable(service.keyVariables, context);
  if (key !== undefined) return key;
  const pair = service.keyPair?.map((name) => variable([name], context) ?? "") ?? [];
  if (pair.length > 0 && !pair.includes("")) return pair.join(":");
  if (service.isKeyOptional || service.keyVariables.length === 0) return undefined;
  const variables = [
    ...service.keyVariables,
    ...(service.keyPair ? [service.keyPair.join(" and ")] : []),
  ].join(" or ");
  throw new SluiceError("SERVICE_KEY_MISSING", { service: service.name, variables });
}

/** The first of these variables that is set. */
function variable(names: readonly string[], { env }: CliContext): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
}

async function readKey(path: string): Promise<string> {
  const key = await readText(path).catch((error) => {
    throw new SluiceError("KEY_FILE_UNREADABLE", { path, cause: codeOf(error) ?? String(error) }, error);
  });
  if (key.trim() === "") throw new SluiceError("KEY_FILE_UNREADABLE", { path, cause: "the file is empty" });
  return key.trim();
}
