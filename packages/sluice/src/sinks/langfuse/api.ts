/** Langfuse's routes below its base, which may itself have a path. */
export interface Api {
  readonly ingestion: string;
  readonly otelTraces: string;
  readonly scores: string;
  readonly health: string;
}

export function apiAt(endpoint: string): Api {
  const base = new URL(endpoint).pathname.replace(/\/+$/, "");
  return {
    ingestion: `${base}/api/public/ingestion`,
    otelTraces: `${base}/api/public/otel/v1/traces`,
    scores: `${base}/api/public/scores`,
    health: `${base}/api/public/health`,
  };
}
