import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { CollectorReport } from "./collector-program.ts";

/**
 * A backend of the battery in a process of its own, for what is measured: what it has to do, to keep and to
 * collect must not show in the times of ours.
 */
export interface CollectorApart {
  readonly backend: { readonly url: string };
  report(): Promise<CollectorReport>;
  close(): Promise<void>;
}

export async function startCollectorApart(): Promise<CollectorApart> {
  const child = fork(join(import.meta.dirname, "collector-program.ts"), {
    execArgv: ["--conditions=sluice-source"],
    serialization: "advanced",
  });
  const url = await messageOf<string>(child);
  return {
    backend: { url },
    report() {
      const answer = messageOf<CollectorReport>(child);
      child.send("report");
      return answer;
    },
    async close() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
}

async function messageOf<Message>(child: ChildProcess): Promise<Message> {
  const [message] = await once(child, "message");
  return message;
}
