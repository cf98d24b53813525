import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectFolder } from "../../projects.ts";
import { CONVERSATION_FILE } from "./conversation.ts";

/** A client that has not sent it by then waits for what will not come. */
const PATIENCE_MS = 15_000;

/** Lets an official SDK send the conversation to a server. Rejects with what it said if it fails. */
export async function sendWithSdk(
  project: string,
  url: string,
  keys: Readonly<Record<string, string>>,
): Promise<void> {
  const env = {
    PATH: process.env["PATH"],
    HOME: tmpdir(),
    CONVERSATION: CONVERSATION_FILE,
    URL: url,
    ...keys,
  };
  const { stderr } = await promisify(execFile)(process.execPath, [join(projectFolder(project), "send.js")], {
    env,
    timeout: PATIENCE_MS,
  });
  if (stderr !== "") throw new Error(`${project} says: ${stderr}`);
}
