import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["sluice-source"] },
  ssr: { resolve: { conditions: ["sluice-source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/{contract,e2e,chaos,hostile,house}/**/*.test.ts"],
    globalSetup: ["test/guard.ts", "test/projects.ts"],
    // A golden file that is missing is a failure; `vitest -u` writes it.
    update: "none",
    testTimeout: 20_000,
    hookTimeout: 20_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
