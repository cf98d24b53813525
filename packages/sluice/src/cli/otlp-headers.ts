/**
 * The headers that OTEL_EXPORTER_OTLP_HEADERS holds, as every exporter of OpenTelemetry reads it:
 * `name=value` with commas between, values percent-encoded. What is no such pair is left out.
 */
export function otlpHeaders(variable: string | undefined): Readonly<Record<string, string>> {
  const pairs = (variable ?? "").split(",").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, Math.max(at, 0)).trim(), decoded(pair.slice(at + 1).trim())] as const;
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ""));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // A lone % stands for itself.
  }
}
