import { cliPage } from "./cli-page.ts";
import { configPage } from "./config-page.ts";
import { metricsPage } from "./metrics-page.ts";

/**
 * The reference pages of the command line, the configuration and the metrics, by their path in the
 * repository.
 */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/reference/cli.md", cliPage()],
    ["docs/reference/config.md", configPage()],
    ["docs/reference/metrics.md", metricsPage()],
  ]);
}
