interface BenchAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const JSON_TYPE = "application/json";

/** What a backend says that has taken everything. */
export function answerTo(path: string, body: Buffer): BenchAnswer {
  switch (path) {
    case "/v1/runs/ingest": {
      const events: readonly { readonly runId: string }[] = JSON.parse(body.toString()).events;
      const results = events.map(({ runId }) => ({ id: runId, success: true }));
      return { status: 200, type: JSON_TYPE, text: JSON.stringify({ results }) };
    }
    case "/api/public/ingestion": {
      const batch: readonly { readonly id: string }[] = JSON.parse(body.toString()).batch;
      const successes = batch.map(({ id }) => ({ id, status: 201 }));
      return { status: 207, type: JSON_TYPE, text: JSON.stringify({ successes, errors: [] }) };
    }
    case "/v1/traces":
      return { status: 200, type: "application/x-protobuf", text: "" };
    default:
      return { status: 200, type: JSON_TYPE, text: "{}" };
  }
}
