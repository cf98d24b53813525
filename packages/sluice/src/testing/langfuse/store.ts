/** A trace as Langfuse shows it. */
export interface LangfuseTrace {
  readonly id: string;
  readonly timestamp?: string;
  readonly name?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly environment: string;
  readonly release?: string;
  readonly version?: string;
  readonly public?: boolean;
  readonly input?: unknown;
  readonly output?: unknown;
}

/** An observation as Langfuse shows it. What came over OTLP has the facts of its trace as well. */
export interface LangfuseObservation {
  readonly id: string;
  readonly traceId?: string;
  /** GENERATION, SPAN, EVENT, AGENT, TOOL, … */
  readonly type: string;
  readonly name?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly completionStartTime?: string;
  readonly parentObservationId?: string;
  readonly level: string;
  readonly statusMessage?: string;
  readonly environment: string;
  readonly release?: string;
  readonly version?: string;
  readonly model?: string;
  readonly modelParameters?: Readonly<Record<string, unknown>>;
  readonly usageDetails?: Readonly<Record<string, number>>;
  readonly costDetails?: Readonly<Record<string, number>>;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly promptName?: string;
  readonly promptVersion?: number;
  readonly traceName?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly tags?: readonly string[];
}

export interface LangfuseScore {
  readonly id: string;
  readonly name: string;
  readonly value: number | string;
  readonly dataType: string;
  readonly traceId?: string;
  readonly observationId?: string;
  readonly sessionId?: string;
  readonly datasetRunId?: string;
  readonly comment?: string;
  readonly metadata?: unknown;
  readonly environment: string;
  readonly source: string;
}

/** Fields as a request has them; null counts as not given. */
export type Fields = Readonly<Record<string, unknown>>;

/** The project's database. What is written under a known id is merged into what is there. */
export class LangfuseStore {
  readonly traces = new Map<string, LangfuseTrace>();
  readonly scores = new Map<string, LangfuseScore>();
  readonly logs: unknown[] = [];
  readonly #observations = new Map<string, LangfuseObservation>();
  readonly #envelopes = new Set<string>();

  get observations(): readonly LangfuseObservation[] {
    return [...this.#observations.values()];
  }

  /** False for an envelope that came before: a redelivered batch gave one row (Langfuse v4.16 and v2.95). */
  isNew(envelopeId: string): boolean {
    if (this.#envelopes.has(envelopeId)) return false;
    this.#envelopes.add(envelopeId);
    return true;
  }

  writeTrace(id: string, fields: Fields): void {
    const trace = this.traces.get(id) ?? { id, environment: "default" };
    this.traces.set(id, merged(trace, fields));
  }

  /** By the ingestion route, whose rows have one id for ever. */
  writeObservation(id: string, type: string, fields: Fields): void {
    const known = this.#observations.get(id);
    const base = known ?? { id, type, level: "DEFAULT", environment: "default", metadata: {} };
    // A generation stays one, whatever a later span says of it; a kind of its own wins over a span.
    this.#observations.set(id, merged({ ...base, type: type === "SPAN" ? base.type : type }, fields));
  }

  /**
   * By OTLP: a row's key has the start time in it (ReplacingMergeTree, migration 0039), so the same span is
   * one row however often it comes, and one with another start is a second row.
   */
  writeSpan(observation: LangfuseObservation): void {
    this.#observations.set(`${observation.traceId} ${observation.id} ${observation.startTime}`, observation);
  }

  writeScore(id: string, fields: Fields): void {
    const score = this.scores.get(id) ?? { id };
    this.scores.set(id, merged(score, fields) as LangfuseScore);
  }
}

/** Metadata is merged by key, everything else replaced; what is not given stays. */
function merged<Row extends object>(row: Row, fields: Fields): Row {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  const before: unknown = "metadata" in row ? row.metadata : undefined;
  const metadata = fields["metadata"];
  const isMergeable = isObject(before) && isObject(metadata);
  return {
    ...row,
    ...Object.fromEntries(given),
    ...(isMergeable && { metadata: { ...before, ...metadata } }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
