import type { Json, Run } from "@sluice/sdk";
import { objectOf } from "@sluice/sdk/internal";
import { withoutSeals } from "../withheld.ts";
import { inputMessagesOf, outputMessagesOf, systemPartsOf } from "./messages.ts";
import type { WritableAttributes } from "./profile.ts";

/**
 * What was said, which the conventions want to be asked for: `gen_ai.input.messages` and its like. On spans
 * they are JSON texts, as most backends drop what is nested.
 */
export function putContent(attributes: WritableAttributes, run: Run): void {
  const input = run.request?.input;
  const output = run.response?.output;
  switch (run.type) {
    case "tool":
      if (input !== undefined) attributes["gen_ai.tool.call.arguments"] = textOf(input);
      if (output !== undefined) attributes["gen_ai.tool.call.result"] = textOf(output);
      return;
    case "retriever":
      if (input !== undefined) attributes["gen_ai.retrieval.query.text"] = queryOf(input);
      if (output !== undefined)
        attributes["gen_ai.retrieval.documents"] = JSON.stringify(withoutSeals(output));
      return;
    default:
      putMessages(attributes, run, input, output);
  }
}

function putMessages(
  attributes: WritableAttributes,
  run: Run,
  input: Json | undefined,
  output: Json | undefined,
): void {
  const system = systemPartsOf(run);
  const tools = run.request?.params?.tools;
  if (system.length > 0) attributes["gen_ai.system_instructions"] = JSON.stringify(system);
  if (tools !== undefined) attributes["gen_ai.tool.definitions"] = JSON.stringify(tools);
  if (input !== undefined) attributes["gen_ai.input.messages"] = JSON.stringify(inputMessagesOf(input));
  if (output !== undefined) {
    attributes["gen_ai.output.messages"] = JSON.stringify(outputMessagesOf(run, output));
  }
}

/** A text as it is, anything else as JSON. */
function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(withoutSeals(value));
}

function queryOf(input: Json): string {
  const query = objectOf(input)?.query;
  return textOf(query ?? input);
}
