import { endProcess, keepAlive } from "@sluice/sdk/internal";
import { Command, CommanderError } from "commander";
import { nearest } from "../config/nearest.ts";
import { DetachedFailure } from "../daemon/detach.ts";
import type { DaemonParts } from "../daemon/parts.ts";
import { VERSION } from "../daemon/version.ts";
import { EXIT, SluiceError } from "../errors.ts";
import type { CliContext } from "./context.ts";
import { addDeadLetters } from "./dead-letters.ts";
import { addDemo } from "./demo.ts";
import { addDispatcher } from "./dispatcher.ts";
import { addLogs } from "./logs.ts";
import { addMock } from "./mock.ts";
import { addReload } from "./reload.ts";
import { addReplay } from "./replay.ts";
import { addRunDetached } from "./run-detached.ts";
import { addSend } from "./send.ts";
import { addSinks } from "./sinks.ts";
import { addStart } from "./start.ts";
import { addStatus } from "./status.ts";
import { addStop } from "./stop.ts";
import { addTail } from "./tail.ts";
import { addTryRecord } from "./try-record.ts";
import { addVerify } from "./verify.ts";

const loadStandardParts = async (): Promise<DaemonParts> =>
  (await import("../daemon/parts.ts")).standardParts;

/**
 * The command line. stdout is data, stderr is messages; the exit codes are those of `errors.ts`. Ends the
 * process itself, because idle connections of the HTTP client would hold it for some seconds more; until then
 * it is held, because the waits of a command alone would not.
 */
export async function main(argv: readonly string[], loadParts = loadStandardParts): Promise<void> {
  scrubArguments(argv);
  const context: CliContext = {
    env: process.env,
    cwd: currentDirectory(),
    script: argv[1] ?? "",
    parts: loadParts,
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    isDaemon: false,
    exit: EXIT.ok,
  };
  // Who reads us and leaves (`| head`) has got what they wanted. A daemon has more to do than to be read.
  process.stdout.on("error", (error) => {
    if (!context.isDaemon) process.exit("code" in error && error.code === "EPIPE" ? EXIT.ok : EXIT.io);
  });
  // A message that nobody can read any more makes no failure of what went well.
  process.stderr.on("error", () => {});
  keepAlive();
  const exit = await run(argv, context);
  // Writes to a pipe may still be on their way.
  await new Promise((resolve) => process.stdout.write("", resolve));
  await new Promise((resolve) => process.stderr.write("", resolve));
  endProcess(exit);
}

/** Every command, without running any: for help, and for the reference page. */
export function createProgram(context: CliContext): Command {
  const program = new Command("sluice")
    .description("A durable event pipeline for LLM applications. Also installed as llm-proxy.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .exitOverride()
    // "replay list --json": what follows the second word is for that.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, "sluice: ")),
    })
    .action((_options, command: Command) => {
      const [name] = command.args;
      if (name === undefined) return context.print(program.helpInformation().trimEnd());
      const meant = nearest(
        name,
        program.commands.map((known) => known.name()),
      );
      command.error(
        `sluice: there is no command "${name}".${meant ? ` Did you mean "${meant}"?` : ""} See: sluice --help`,
      );
    });
  for (const add of [
    addStart,
    addDispatcher,
    addStatus,
    addStop,
    addReload,
    addReplay,
    addDeadLetters,
    addSinks,
    addLogs,
    addTail,
    addSend,
    addVerify,
    addDemo,
    addMock,
    addRunDetached,
    addTryRecord,
  ]) {
    add(program, context);
  }
  // A word that is no command is told below; the commands themselves take none that they do not know.
  return program.allowExcessArguments();
}

async function run(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(context).parseAsync([...argv]);
    return context.exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (SluiceError.is(error) || error instanceof DetachedFailure) {
      context.say(`sluice: ${error.message}`);
      return error.exit;
    }
    context.say(`sluice: this is a bug: ${error instanceof Error ? error.stack : String(error)}`);
    return EXIT.bug;
  }
}

/**
 * A key on the command line stands in `ps` for everybody. Setting the title overwrites the place it is read
 * from.
 */
function scrubArguments(argv: readonly string[]): void {
  if (argv.some((argument) => argument.startsWith("--api-key"))) process.title = "sluice";
}

/** The directory that we were started in may have been removed. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

if (import.meta.main) await main(process.argv);
