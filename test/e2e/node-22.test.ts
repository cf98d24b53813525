import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./daemon.ts";
import { command } from "./packed-package.ts";

/** Installed with the lockfile by the private workspace test/consumer. */
const NODE_22 = join(ROOT, "test/consumer/node_modules/.bin/node");

test("the SDK's own tests pass on the oldest Node that it promises", { timeout: 600_000 }, async () => {
  const version = await command(`${NODE_22} --version`, ROOT);

  const said = await command(
    `${NODE_22} node_modules/vitest/vitest.mjs run --config test/consumer/vitest.config.ts`,
    ROOT,
  );

  expect(version).toMatch(/^v22\./);
  expect(said).toMatch(/Tests\s+\d+ passed/);
});
