import { METRICS } from "../packages/sluice/src/telemetry/metric-table.ts";

/** docs/reference/metrics.md, from the table that the registry is made of. */
export function metricsPage(): string {
  const rows = METRICS.map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${help} |`,
  );
  return `# Metrics

<!-- Written by \`npm run docs\` from the table of metrics. Do not edit. -->

\`GET /metrics\`, in the Prometheus text format. Labels are names from the configuration and words of ours:
nothing that a user sent is ever one. What the ledgers count survives restarts; the rest counts from the
start of the process. The
\`process_*\` and \`nodejs_*\` metrics of the Node client are there as well.

| metric | type | labels | |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
