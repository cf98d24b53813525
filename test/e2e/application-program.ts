import { writeSync } from "node:fs";
import { createDaemonEmitter } from "@sluice/sdk";
import type { Work } from "./application.ts";

/** What `startApplication` runs. It says what it does on standard output, synchronously. */
const work: Work = JSON.parse(process.argv[2] ?? "");
const say = (text: string) => writeSync(1, `${text}\n`);
const emitter = createDaemonEmitter({
  ...work.options,
  onDrop: (count, reason) => say(`drop ${count} ${reason}`),
});

const data = "x".repeat(work.dataChars ?? 1_000);
for (let index = 0; index < work.events; index++) {
  emitter.emit({ id: `${work.name}-${index}`, kind: "test.happened", data });
}
if (work.next !== "kill") say("emitted");
switch (work.next) {
  case "kill":
    process.kill(process.pid, "SIGKILL");
    break;
  case "exit":
    process.exit(0);
    break;
  case "throw":
    throw new Error("this application has a bug");
  case "end":
    break;
  case "flush":
    await emitter.flush();
    say("flushed");
    break;
  case "close":
    await emitter.close();
    say("closed");
    break;
}
