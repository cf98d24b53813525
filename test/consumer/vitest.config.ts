import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/**
 * The SDK's own tests for the oldest Node that it promises. The suite's configuration refuses to run there,
 * because the daemon needs a newer one.
 */
export default defineConfig({
  root: resolve(import.meta.dirname, "../.."),
  resolve: { conditions: ["sluice-source"] },
  ssr: { resolve: { conditions: ["sluice-source"] } },
  test: {
    include: ["packages/sdk/src/**/*.test.ts"],
    testTimeout: 60_000,
    pool: "forks",
    // The suite that starts this one has its own workers.
    maxWorkers: 1,
  },
});
