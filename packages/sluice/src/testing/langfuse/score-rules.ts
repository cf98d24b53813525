import { z } from "zod";
import { environmentRule } from "./environment-rule.ts";
import type { Fields } from "./store.ts";

const text = z.string().nullish();

const base = z.object({
  id: text,
  name: z.string().min(1),
  traceId: text,
  observationId: text,
  sessionId: text,
  datasetRunId: text,
  comment: text,
  metadata: z.unknown().optional(),
  environment: z.unknown().optional(),
  configId: text,
  queueId: text,
  source: z.enum(["API", "EVAL", "ANNOTATION"]).nullish(),
  dataType: z.enum(["NUMERIC", "BOOLEAN", "CATEGORICAL", "TEXT", "CORRECTION"]).nullish(),
  value: z.union([z.number(), z.string()]),
});

/** The longest text that a score of type TEXT may have. */
const TEXT_CHARS_MAX = 500;

/** A score as it is stored, or why it is refused. */
export function scoreRule(body: unknown): { readonly fields: Fields } | { readonly refused: string } {
  const parsed = base.safeParse(body);
  if (!parsed.success) return { refused: parsed.error.message };
  const { data } = parsed;
  const fault = valueFault(data.value, data.dataType ?? undefined) ?? placeFault(data);
  if (fault !== undefined) return { refused: fault };
  const dataType = data.dataType ?? (typeof data.value === "number" ? "NUMERIC" : "CATEGORICAL");
  const environment = environmentRule(data.environment);
  return { fields: { ...data, dataType, environment, source: data.source ?? "API" } };
}

function valueFault(value: number | string, dataType: string | undefined): string | undefined {
  switch (dataType) {
    case "NUMERIC":
      return typeof value === "number" ? undefined : "Value must be a number for data type NUMERIC";
    case "BOOLEAN":
      return value === 0 || value === 1
        ? undefined
        : "Value must be a number equal to either 0 or 1 for data type BOOLEAN";
    case "CATEGORICAL":
    case "CORRECTION":
      return typeof value === "string" ? undefined : `Value must be a string for data type ${dataType}`;
    case "TEXT":
      return typeof value === "string" && value !== "" && value.length <= TEXT_CHARS_MAX
        ? undefined
        : "Value must be a string of 1 to 500 characters for data type TEXT";
    default:
      return undefined;
  }
}

type Place = Pick<z.output<typeof base>, "traceId" | "observationId" | "sessionId" | "datasetRunId">;

function placeFault({ traceId, observationId, sessionId, datasetRunId }: Place): string | undefined {
  const places = [traceId, sessionId, datasetRunId].filter((id) => id !== undefined && id !== null);
  if (places.length !== 1) return "Provide exactly one of: traceId, sessionId, or datasetRunId";
  return observationId && !traceId ? "observationId requires traceId" : undefined;
}
