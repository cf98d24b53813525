import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { Secrets } from "./secrets.ts";

test("a flood is ten lines a second for a code, then one that counts the rest (S36)", async () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: "info", destination, secrets: new Secrets(), clock });

  for (let number = 0; number < 100_000; number++) logger.flood("bad_host", {}, "request refused");
  logger.flood("other", {}, "request refused");
  await clock.advance(1_000);
  logger.flood("bad_host", {}, "request refused");

  expect(lines).toHaveLength(13);
  expect(JSON.parse(lines[11] ?? "")).toMatchObject({ code: "bad_host", suppressed: 99_990 });
});
