import { join } from "node:path";
import { codeOf, type DiskFile, sleep, systemClock, systemDisk } from "@sluice/sdk/internal";
import { type Command, InvalidArgumentError } from "commander";
import { LOG_FILE } from "../daemon/run.ts";
import { SluiceError } from "../errors.ts";
import { type CliContext, type CommonFlags, findDataDir, UNTIL_EXIT, withCommonFlags } from "./context.ts";
import { formatLogLine } from "./log-line.ts";

interface LogsFlags extends CommonFlags {
  readonly follow?: boolean;
  readonly lines: number;
  readonly json?: boolean;
}

/** How far back the end of a log is read: some 2,000 lines. */
const TAIL_BYTES = 512 * 1024;
const POLL_MS = 250;

/** `sluice logs`: the end of the daemon's log, whether it runs or not. */
export function addLogs(program: Command, context: CliContext): void {
  withCommonFlags(program.command("logs").description("print the end of the daemon's log"))
    .option("-f, --follow", "go on printing what is written")
    .option("-n, --lines <number>", "how many lines", parseLines, 100)
    .option("--json", "the lines as they were written, JSON")
    .action(async (flags: LogsFlags) => {
      const path = join(await findDataDir(context, flags), LOG_FILE);
      const show = (line: string) => context.print(flags.json ? line : formatLogLine(line).trimEnd());
      let { text, position } = await readEnd(path);
      const lines = text.split("\n");
      let rest = lines.pop() ?? "";
      for (const line of lines.slice(-flags.lines)) show(line);
      while (flags.follow) {
        await sleep(systemClock, POLL_MS, UNTIL_EXIT);
        ({ text, position } = await readFrom(path, position));
        const more = (rest + text).split("\n");
        rest = more.pop() ?? "";
        for (const line of more) show(line);
      }
    });
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (Number.isInteger(lines) && lines >= 0) return lines;
  throw new InvalidArgumentError("It must be a whole number.");
}

interface Part {
  readonly text: string;
  readonly position: number;
}

function readEnd(path: string): Promise<Part> {
  return withFile(path, async (file, sizeBytes) => {
    const from = Math.max(0, sizeBytes - TAIL_BYTES);
    const text = await read(file, from, sizeBytes);
    return { text: from === 0 ? text : text.slice(text.indexOf("\n") + 1), position: sizeBytes };
  });
}

/** What was written since; a log that has become shorter was rotated, and is read from its start. */
function readFrom(path: string, position: number): Promise<Part> {
  return withFile(path, async (file, sizeBytes) => {
    const from = sizeBytes < position ? 0 : position;
    const until = Math.min(sizeBytes, from + TAIL_BYTES);
    return { text: await read(file, from, until), position: until };
  });
}

async function read(file: DiskFile, from: number, until: number): Promise<string> {
  const bytes = Buffer.alloc(until - from);
  const length = await file.read(bytes, from);
  return bytes.toString("utf8", 0, length);
}

async function withFile(
  path: string,
  use: (file: DiskFile, sizeBytes: number) => Promise<Part>,
): Promise<Part> {
  let file: DiskFile;
  try {
    file = await systemDisk.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw new SluiceError("LOG_ABSENT", { path }, error);
    throw new SluiceError("INPUT_UNREADABLE", { path, cause: codeOf(error) ?? String(error) }, error);
  }
  try {
    return await use(file, (await file.stat()).sizeBytes);
  } finally {
    await file.close();
  }
}
