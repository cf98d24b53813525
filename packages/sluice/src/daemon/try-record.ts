import { type ChildProcess, spawn } from "node:child_process";
import { decodeEvent, sleep, systemClock } from "@sluice/sdk/internal";
import type { PipelineOptions } from "../pipeline.ts";
import { plainEnvironment } from "./plain-environment.ts";

type Trial = Awaited<ReturnType<NonNullable<PipelineOptions["tryRecord"]>>>;

/** The command of the child. Not for people, so help does not show it. */
const TRY_COMMAND = "try-record";
const READY = "ready";
const DONE = "done";

/** Ten times what the largest event that ingest takes needs when it is decoded. */
const HEAP_MEBIBYTES = 512;
/** A child is there in a tenth of a second; a machine that swaps gets a hundred times that. */
const TRIAL_TIMEOUT_MS = 20_000;

/**
 * Decodes a record in a child process of this same program, which may die of it: the other side of the pipe
 * says how far it came. Never rejects: what could not be tried is "unknown".
 */
export async function tryRecordApart(script: string, body: Uint8Array): Promise<Trial> {
  const flags = process.execArgv.filter((flag) => !flag.startsWith("--inspect"));
  const child = spawn(
    process.execPath,
    [...flags, `--max-old-space-size=${HEAP_MEBIBYTES}`, script, TRY_COMMAND],
    { env: plainEnvironment(process.env), stdio: ["pipe", "pipe", "ignore"] },
  );
  const over = new AbortController();
  const late = sleep(systemClock, TRIAL_TIMEOUT_MS, over.signal).then(() => undefined);
  const said = await Promise.race([whatItSays(child, body), late]);
  over.abort();
  child.kill("SIGKILL");
  if (!said?.includes(READY)) return "unknown";
  return said.includes(DONE) ? "survived" : "ended";
}

/** Undefined if it could not be started. */
function whatItSays(child: ChildProcess, body: Uint8Array): Promise<string | undefined> {
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  // It may end before it has read everything; what it has said then is what counts.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(body);
  return new Promise((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("close", () => resolve(said));
  });
}

/** In the child. What is no event is that record's own trouble, and ends nobody. */
export async function tryRecordHere(say: (word: string) => void): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  say(READY);
  try {
    decodeEvent(Buffer.concat(chunks));
  } catch {
    // Found out in time: routes make a dead letter of it.
  }
  say(DONE);
}
