import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ManualClock } from "../system/manual-clock.ts";
import { type ConsoleOptions, createConsoleEmitter } from "./console.ts";

const time = "2026-11-21T05:00:02.000Z";

function openConsole(options: ConsoleOptions = {}) {
  const texts: string[] = [];
  const output = { write: async (text: string) => void texts.push(text) };
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 5));
  return { emitter: createConsoleEmitter({ output, clock, ...options }), clock, text: () => texts.join("") };
}

test("an event is a line that says when, what and how it came out", async () => {
  const { emitter, text } = openConsole();
  const startTime = "2026-11-21T05:00:01.188Z";
  const usage = { input: 8, output: 3, source: "provider" } as const;
  const run = { type: "llm", name: "gpt-4o", startTime, status: "ok", usage } as const;

  emitter.emit({ kind: "run.ended", time, runId: "r", run });
  emitter.emit({ kind: "order.placed", time, scope: { kind: "user", id: "u-7" }, data: { amount: 12.5 } });
  await emitter.close();

  expect(text()).toBe(
    "05:00:02.000 run.ended llm gpt-4o ok 812 ms 11 tokens\n" +
      '05:00:02.000 order.placed user=u-7 {"amount":12.5}\n',
  );
});

test("what a terminal would obey is not printed, and long text is cut", async () => {
  const { emitter, text } = openConsole();
  const error = { message: `\u001b[31mred\n\u009b${"x".repeat(300)}` };
  const data = "one\u2028line";

  emitter.emit({ kind: "k", time, run: { type: "llm", error } });
  emitter.emit({ kind: "k", time, data });
  await emitter.close();

  expect(text()).toMatch(/^05:00:02\.000 k llm {2}\[31mred {2}x{190}…\n05:00:02\.000 k "one line"\n$/);
});

test("as JSON an event is itself", async () => {
  const { emitter, text } = openConsole({ format: "json" });

  emitter.emit({ id: "e-1", kind: "k", time });
  await emitter.close();

  expect(text()).toBe(`{"id":"e-1","kind":"k","time":"${time}"}\n`);
});

test("an event is on the screen at once, as far as a person can tell", async () => {
  const { emitter, clock, text } = openConsole();

  emitter.emit({ kind: "k", time });
  await clock.advance(10);

  expect(text()).toBe("05:00:02.000 k\n");
  await emitter.close();
});

test("a reader that has gone away is a drop, and the process goes on", async () => {
  const module = join(import.meta.dirname, "console.ts");
  const script = `
    import { createConsoleEmitter } from ${JSON.stringify(module)};
    process.stdin.once("data", async () => {
      let drops = 0;
      const emitter = createConsoleEmitter({ stream: "stdout", onDrop: (count) => { drops += count; } });
      for (let round = 0; round < 3; round++) {
        emitter.emit({ kind: "k" });
        await emitter.flush();
      }
      process.stderr.write("dropped " + drops);
      process.exit(0);
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  const errors: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));

  child.stdout.destroy();
  child.stdin.end("go");
  const [code] = await once(child, "close");

  expect([code, errors.join("")]).toEqual([0, "dropped 3"]);
});
