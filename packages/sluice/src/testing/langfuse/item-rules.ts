import { z } from "zod";
import { scoreRule } from "./score-rules.ts";

/** An item that passed. */
export interface Item {
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const ID_CHARS_MAX = 800;
const NAME_CHARS_MAX = 1_000;

const id = z
  .string()
  .min(1)
  .max(ID_CHARS_MAX)
  .refine((value) => !value.includes("\r"), "ID cannot contain carriage return characters");
/** With a zone: a time without one, or a number, fails the item. */
const time = z.iso.datetime({ offset: true });
const text = z.string().nullish();
const anything = z.unknown().optional();

const trace = z.object({
  id: id.nullish(),
  timestamp: time.nullish(),
  name: z.string().max(NAME_CHARS_MAX).nullish(),
  externalId: text,
  input: anything,
  output: anything,
  sessionId: text,
  userId: text,
  environment: anything,
  metadata: anything,
  release: text,
  version: text,
  public: z.boolean().nullish(),
  tags: z.array(z.string()).nullish(),
});

const event = z.object({
  id,
  traceId: id.nullish(),
  name: text,
  startTime: time.nullish(),
  input: anything,
  output: anything,
  level: z.enum(["DEBUG", "DEFAULT", "WARNING", "ERROR"]).nullish(),
  statusMessage: text,
  parentObservationId: text,
  version: text,
  environment: anything,
  metadata: anything,
});

const span = event.extend({ endTime: time.nullish() });

/** Nothing nested: a list of objects, or an object of anything but texts, fails the item. */
const parameter = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.string()),
  z.record(z.string(), z.string()),
]);

const generation = span
  .extend({
    completionStartTime: time.nullish(),
    model: text,
    modelParameters: z.record(z.string(), parameter.nullish()).nullish(),
    usage: anything,
    usageDetails: anything,
    costDetails: z.record(z.string(), z.number().nonnegative().nullish()).nullish(),
    promptName: text,
    promptVersion: z.int().nullish(),
  })
  .refine(
    ({ promptName, promptVersion }) => !promptName === !promptVersion,
    "promptName and promptVersion go together",
  );

const score = z.unknown().superRefine((value, context) => {
  const result = scoreRule(value);
  if ("refused" in result) context.addIssue({ code: "custom", message: result.refused });
});

const envelope = z.object({ id, timestamp: time, metadata: anything });

/** What every version takes. */
const OLD_BODIES: Readonly<Record<string, z.ZodType>> = {
  "trace-create": trace,
  "event-create": event,
  "span-create": span,
  "span-update": span,
  "generation-create": generation,
  "generation-update": generation,
  "observation-create": generation,
  "observation-update": generation,
  "score-create": score,
  "sdk-log": z.looseObject({ log: anything }),
};

/** Kinds with a create and no update, which a second create stands for. Langfuse v2 has none of them. */
const NEW_KINDS = ["agent", "tool", "chain", "retriever", "evaluator", "embedding", "guardrail"];
const NEW_BODIES = Object.fromEntries(NEW_KINDS.map((kind) => [`${kind}-create`, generation]));

/** One item by the rules of a version: what is kept of it, or the words of the refusal. */
export function itemRule(value: unknown, version: 2 | 3 | 4): Item | { readonly refused: string } {
  const outer = envelope.safeParse(value);
  const type = String(Object(value).type);
  const bodies = version === 2 ? OLD_BODIES : { ...OLD_BODIES, ...NEW_BODIES };
  const schema = Object.hasOwn(bodies, type) ? bodies[type] : undefined;
  if (!schema) return { refused: unknownType(Object.keys(bodies), version) };
  if (!outer.success) return { refused: outer.error.message };
  const body = schema.safeParse(Object(value).body);
  if (!body.success) return { refused: body.error.message };
  return { id: outer.data.id, timestamp: outer.data.timestamp, type, body: Object(body.data) };
}

/** In the words of zod 3, and of zod 4. */
function unknownType(known: readonly string[], version: 2 | 3 | 4): string {
  const issue =
    version === 2
      ? {
          code: "invalid_union_discriminator",
          options: known,
          path: ["type"],
          message: "Invalid discriminator value",
        }
      : {
          code: "invalid_union",
          note: "No matching discriminator",
          discriminator: "type",
          path: ["type"],
          message: "Invalid input",
        };
  return JSON.stringify([issue], undefined, 2);
}
