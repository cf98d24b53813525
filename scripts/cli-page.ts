import type { Command } from "commander";
import type { CliContext } from "../packages/sluice/src/cli/context.ts";
import { createProgram } from "../packages/sluice/src/cli/main.ts";
import { FAULT_WORDS } from "../packages/sluice/src/cli/mock/faults.ts";

/** docs/reference/cli.md, from the commands themselves. */
export function cliPage(): string {
  const program = createProgram(NOWHERE);
  return `${[HEAD, ...sectionsOf(program, "sluice"), FAULTS, EXITS, SIGNALS].join("\n\n")}\n`;
}

function sectionsOf(parent: Command, before: string): readonly string[] {
  const commands = parent.createHelp().visibleCommands(parent);
  return commands.flatMap((command) => {
    const words = `${before} ${command.name()}`;
    return [section(command, words), ...sectionsOf(command, words)];
  });
}

const HEAD = `# Command line

<!-- Written by \`npm run docs\` from the commands. Do not edit. -->

\`sluice\` and \`llm-proxy\` are the same program. stdout is data, stderr is messages; with \`--json\` data
is JSON. A reader of stdout that leaves early (\`| head\`) is success. In a clone: \`npx sluice …\`, or \`npm
start\` for \`sluice start\`.

The command line of the first seed:

\`\`\`bash
llm-proxy dispatcher \\
  --service lunary \\
  --api-key $LUNARY_API_KEY \\
  --endpoint https://api.lunary.ai/v1/runs/ingest \\
  --detach
\`\`\`

A key on the command line can be seen by other users of the machine until the program has hidden it, and
sluice says so. \`LLM_PROXY_API_KEY\`, \`LUNARY_API_KEY\` and \`--api-key-file\` cannot. \`--detach\` returns
when the daemon is ready, or with its error and exit code; the daemon's own arguments and environment never
hold a key.`;

const FAULTS = `## Faults of a mock

What \`sluice mock --fault WHAT:WHEN\` can do. WHEN is \`10%\` (of the requests, by chance), \`every-5\` (each
fifth) or \`first-3\`; without it every request meets it. \`--refuse\` does the same for items. A mock has
what it stored in memory, and forgets it when it ends; \`--keep\` writes down what came.

| WHAT | |
| --- | --- |
${FAULT_WORDS.map(([word, meaning]) => `| \`${word}\` | ${meaning} |`).join("\n")}`;

const EXITS = `## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | not done; the message says why |
| 2 | the command line was not understood |
| 3 | no daemon is running |
| 4 | done in part: \`send\` had events refused, a sink failed, dead letters stay |
| 69 | the daemon does not answer |
| 70 | a bug |
| 74 | a file cannot be read or written |
| 75 | busy: the data directory or the port is in use |
| 77 | the data directory may not be used |
| 78 | the configuration is not right |
| 129, 130, 143 | ended by SIGHUP, or by a second SIGINT or SIGTERM |`;

const SIGNALS = `## Signals

The first SIGTERM or SIGINT drains: new work gets 503, calls in flight may
end, sinks take what is pending, 10 s in all and 2 s to close; then the exit code is 0, and what is left is
sent after the next start. The second ends the process at once; what was acknowledged is on disk either way.

SIGHUP reads the configuration again, as \`sluice reload\` does. In a terminal it means that the terminal was
closed, and drains.`;

function section(command: Command, words: string): string {
  const help = command.createHelp();
  const names = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? "..." : "");
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const options = help
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help")
    .map((option) => `| \`${option.flags}\` | ${help.optionDescription(option)} |`);
  return [
    `## ${[words, ...names].join(" ")}`,
    `${capital(command.description())}.`,
    ...(options.length > 0 ? [["| option | |", "| --- | --- |", ...options].join("\n")] : []),
  ].join("\n\n");
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Commands are described, never run. */
const NOWHERE: CliContext = {
  env: {},
  cwd: "/",
  script: "",
  parts: () => Promise.reject(new Error("no command is run here")),
  print: () => {},
  say: () => {},
  isDaemon: false,
  exit: 0,
};
