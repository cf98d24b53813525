import type { Json, JsonObject } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";

/** Schemas that go deeper are given as `any`. */
const DEPTH_MAX = 32;
/** Properties further in are shown to the model without their descriptions. */
const DESCRIBED_DEPTH = 1;

/** The functions that a request offers: `tools` of chats and of responses, and the older `functions`. */
export function functionsOf(params: JsonObject | undefined): readonly JsonObject[] {
  const tools = listOf(params?.tools).map((tool) => objectOf(objectOf(tool)?.function ?? tool));
  const functions = listOf(params?.functions).map(objectOf);
  return [...tools, ...functions]
    .filter((one) => one !== undefined)
    .filter((one) => typeof one.name === "string");
}

/**
 * What OpenAI's models are shown of functions: not their JSON, but types in the manner of TypeScript. OpenAI
 * does not publish it; people found it by asking models and by comparing counts.
 */
export function toolText(functions: readonly JsonObject[]): string {
  const types = functions.flatMap((one) => {
    const properties = propertiesOf(objectOf(one.parameters), 0);
    const argument = properties.length === 0 ? "()" : `(_: {\n${properties.join("\n")}\n})`;
    return [...commentOf(one.description), `type ${one.name} = ${argument} => any;`, ""];
  });
  return ["namespace functions {", "", ...types, "} // namespace functions"].join("\n");
}

function propertiesOf(schema: JsonObject | undefined, depth: number): readonly string[] {
  const required = new Set(listOf(schema?.required));
  return Object.entries(objectOf(schema?.properties) ?? {}).flatMap(([name, value]) => {
    const property = objectOf(value);
    const comment = depth < DESCRIBED_DEPTH ? commentOf(property?.description) : [];
    return [...comment, `${name}${required.has(name) ? "" : "?"}: ${typeOf(property, depth)},`].map(
      (line) => `${"  ".repeat(depth)}${line}`,
    );
  });
}

function typeOf(schema: JsonObject | undefined, depth: number): string {
  if (schema === undefined || depth >= DEPTH_MAX) return "any";
  if (Array.isArray(schema.enum)) return schema.enum.map((value: Json) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return `${typeOf(objectOf(schema.items), depth)}[]`;
    case "object":
      return `{\n${propertiesOf(schema, depth + 1).join("\n")}\n${"  ".repeat(depth)}}`;
    default:
      return "any";
  }
}

function commentOf(description: Json | undefined): readonly string[] {
  return typeof description === "string" && description !== "" ? [`// ${description}`] : [];
}
