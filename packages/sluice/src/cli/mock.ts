import { resolve } from "node:path";
import { systemRandom } from "@sluice/sdk/internal";
import { type Command, InvalidArgumentError } from "commander";
import { nearest } from "../config/nearest.ts";
import { type Address, parseAddress } from "../config/schema.ts";
import { SluiceError } from "../errors.ts";
import type { CliContext } from "./context.ts";
import { FAULT_WORDS, type MockFault, parseFault, type When, whenOf } from "./mock/faults.ts";
import { MOCKS, type MockService } from "./mock/services.ts";

interface MockFlags {
  readonly listen?: Address;
  readonly as?: string;
  readonly fault: readonly MockFault[];
  readonly refuse?: When;
  readonly seed?: number;
  readonly keep?: string;
  readonly json?: boolean;
}

const FREE_PORT: Address = { host: "127.0.0.1", port: 0 };
const WORD_COLUMNS = 18;
const FAULT_HELP = `
Faults:
${FAULT_WORDS.map(([word, meaning]) => `  ${word.padEnd(WORD_COLUMNS)}${meaning}`).join("\n")}`;
const VARIANTS = MOCKS.filter(({ variants }) => variants.length > 1)
  .map(({ name, variants }) => `of ${name} ${variants.join(", ")}`)
  .join("; ");
const SEED_MAX = 2 ** 32;

/** `sluice mock SERVICE`: the stand-in that our own tests use, for whoever tries a configuration. */
export function addMock(program: Command, context: CliContext): void {
  const names = MOCKS.map(({ name }) => name).join(", ");
  program
    .command("mock")
    .description(
      `stand in for a service (${names}): a server on this machine that is as strict as the real one, says ` +
        "what became of every item, and fails as it is told",
    )
    .argument("<service>", `one of: ${names}`, parseService)
    .option("--listen <host:port>", "where to listen, on loopback (else a free port)", parseListen)
    .option("--as <server>", `which of a service's servers: ${VARIANTS} (else the first)`)
    .option(
      "--fault <what[:when]>",
      "let requests fail, as 503:10%, timeout:every-5 or lie:first-3, or all of them; repeatable, the first that is due wins",
      (words: string, faults: readonly MockFault[]) => [...faults, parseFault(words)],
      [],
    )
    .option(
      "--refuse <when>",
      "let the service refuse items in its own way, as 10%, every-5 or first-3",
      whenOf,
    )
    .option("--seed <number>", "lets the same requests fail again, where they do by chance", parseSeed)
    .option("--keep <file>", "append each request, whole, and what was answered as a line of JSON")
    .option("--json", "say where it listens, and what became of each request, as a line of JSON")
    .addHelpText("after", FAULT_HELP)
    .action(async (service: MockService, flags: MockFlags) => {
      const { serveMock } = await import("./mock/serve.ts");
      const {
        listen = FREE_PORT,
        fault,
        refuse,
        seed = Math.floor(systemRandom.fraction() * SEED_MAX),
        json = false,
      } = flags;
      await serveMock(context, {
        ...{ service, variant: variantOf(service, flags.as), listen, faults: fault, seed, json },
        ...(refuse && { refuse }),
        ...(flags.keep !== undefined && { keep: resolve(context.cwd, flags.keep) }),
      });
    });
}

function parseService(word: string): MockService {
  const found = MOCKS.find(({ name }) => name === word);
  if (found) return found;
  const names = MOCKS.map(({ name }) => name);
  const meant = nearest(word, names);
  throw new InvalidArgumentError(
    `${meant ? `Did you mean "${meant}"? ` : ""}There are: ${names.join(", ")}.`,
  );
}

function variantOf({ name, variants: [first = "", ...others] }: MockService, word = first): string {
  if (word === first || others.includes(word)) return word;
  const known = [first, ...others].join(", ");
  throw new SluiceError("MOCK_UNKNOWN_SERVER", { service: name, server: word, known });
}

function parseListen(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new InvalidArgumentError('Write it like "127.0.0.1:4750" or "[::1]:0".');
  if (/^(localhost|127\.[\d.]+|::1)$/.test(address.host)) return address;
  throw new InvalidArgumentError("A stand-in takes keys that everybody knows: it listens on loopback only.");
}

function parseSeed(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < SEED_MAX) return Number(text);
  throw new InvalidArgumentError(`It is a whole number below ${SEED_MAX}.`);
}
