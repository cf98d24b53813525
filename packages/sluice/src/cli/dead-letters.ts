import { join } from "node:path";
import { systemDisk } from "@sluice/sdk/internal";
import { type Command, InvalidArgumentError } from "commander";
import { EXIT, SluiceError } from "../errors.ts";
import type { LetterOutcome, StoredLetter } from "../pipeline.ts";
import { type CliContext, type CommonFlags, findDaemon, findDataDir, withCommonFlags } from "./context.ts";
import { readInput } from "./input.ts";
import { createLetterGroups } from "./letter-groups.ts";

interface Selection extends CommonFlags {
  readonly all?: boolean;
  readonly reason?: string;
}

/** `sluice deadletters list | show | retry | drop`: what no backend wanted, and what is to become of it. */
export function addDeadLetters(program: Command, context: CliContext): void {
  const letters = program
    .command("deadletters")
    .description("look at events that no backend took, and decide")
    .helpCommand(false);
  withCommonFlags(
    letters.command("list").argument("[sink]").description("show them grouped by cause (needs no daemon)"),
  )
    .option("--json", "each letter as a line of JSON, without its event")
    .action(async (sink: string | undefined, flags: CommonFlags & { json?: boolean }) => {
      let shown = 0;
      for (const [name, path] of await filesOf(context, flags, sink)) {
        const groups = createLetterGroups();
        for await (const letter of lettersIn(path)) {
          if (letter.resolved !== undefined) continue;
          shown++;
          const { raw: _raw, ...facts } = letter;
          if (flags.json) context.print(JSON.stringify({ sink: name, ...facts }));
          else groups.add(letter);
        }
        for (const line of groups.lines(name)) context.print(line);
      }
      if (shown === 0) context.say(`There are no dead letters${sink === undefined ? "" : ` of "${sink}"`}.`);
    });
  withCommonFlags(
    letters
      .command("show")
      .argument("<sink>")
      .argument("<offset>", "from the list", offsetOf)
      .description("print one with its event, as JSON (needs no daemon)"),
  ).action(async (sink: string, offset: number, flags: CommonFlags) => {
    const [[, path] = ["", ""]] = await filesOf(context, flags, sink);
    for await (const { raw, ...letter } of lettersIn(path)) {
      if (letter.offset !== offset) continue;
      const event = raw && JSON.parse(Buffer.from(raw).toString());
      return context.print(JSON.stringify({ ...letter, ...(event && { event }) }, undefined, 2));
    }
    throw new SluiceError("LETTER_ABSENT", { sink, offset });
  });
  selecting(letters.command("retry"), "send them to their sink again (exit 4: some were refused again)")
    .option("--edit <file>", "send this instead of the one letter, as show prints it (- for standard input)")
    .action(async (sink: string, offsets: readonly number[], flags: Selection & { edit?: string }) => {
      if (flags.edit !== undefined && offsets.length !== 1) throw new SluiceError("EDIT_NEEDS_ONE", { sink });
      const event = flags.edit === undefined ? undefined : await readEdited(flags.edit);
      await decide(context, sink, offsets, flags, { action: "retry", ...(event && { event }) });
    });
  selecting(letters.command("drop"), "give them up").action(
    (sink: string, offsets: readonly number[], flags: Selection) =>
      decide(context, sink, offsets, flags, { action: "drop" }),
  );
}

function selecting(command: Command, description: string): Command {
  return withCommonFlags(command)
    .argument("<sink>")
    .argument("[offsets...]", "from the list", (text: string, before: readonly number[] = []) => [
      ...before,
      offsetOf(text),
    ])
    .description(description)
    .option("--reason <reason>", "all with this reason")
    .option("--all", "all of them");
}

async function decide(
  context: CliContext,
  sink: string,
  offsets: readonly number[] | undefined,
  { all, reason, ...flags }: Selection,
  decision: object,
): Promise<void> {
  if (!offsets?.length && reason === undefined && !all) throw new SluiceError("LETTERS_NOT_NAMED", { sink });
  const client = await findDaemon(context, flags);
  const body = { ...decision, ...(offsets?.length && { offsets }), ...(reason !== undefined && { reason }) };
  const answer = await client.request("POST", `/v1/deadletters/${encodeURIComponent(sink)}`, {
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
    signal: new AbortController().signal,
  });
  const { resolved, refused, stopped }: LetterOutcome = JSON.parse(await answer.text());
  const met = resolved + refused.length;
  if (offsets?.length && met === 0 && stopped === undefined) {
    throw new SluiceError("LETTER_ABSENT", { sink, offset: offsets.join(", ") });
  }
  context.print(`${resolved} done, ${refused.length} refused`);
  for (const { offset, reason } of refused.slice(0, SHOWN_MAX)) context.print(`  ${offset}  ${reason}`);
  if (stopped !== undefined) context.say(`Broken off, because the sink takes nothing now: ${stopped}`);
  if (refused.length > 0 || stopped !== undefined) context.exit = EXIT.partial;
}

/** An event alone, or a letter as `show` prints it. */
async function readEdited(path: string): Promise<object> {
  const text = await readInput(path);
  try {
    const value: unknown = JSON.parse(text);
    const event = typeof value === "object" && value !== null && "event" in value ? value.event : value;
    if (typeof event === "object" && event !== null && !Array.isArray(event)) return event;
  } catch {
    // Said below, as for any other JSON that is no event.
  }
  throw new SluiceError("EDIT_NO_EVENT", { path });
}

const SHOWN_MAX = 20;

async function filesOf(
  context: CliContext,
  flags: CommonFlags,
  sink: string | undefined,
): Promise<readonly (readonly [string, string])[]> {
  const directory = join(await findDataDir(context, flags), "deadletters");
  const names = sink === undefined ? await systemDisk.list(directory) : [`${sink}.jsonl`];
  return names
    .filter((name) => name.endsWith(".jsonl"))
    .toSorted()
    .map((name) => [name.slice(0, -".jsonl".length), join(directory, name)]);
}

async function* lettersIn(path: string): AsyncGenerator<StoredLetter> {
  const { readLetters } = await import("../pipeline.ts");
  yield* readLetters(systemDisk, path);
}

function offsetOf(text: string): number {
  const offset = Number(text);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new InvalidArgumentError("Write an offset from the list.");
  return offset;
}
