import type { Run } from "@sluice/sdk";

/** Calls of a model, as providers and SDKs name them, that the conventions have another word for. */
const CALLS: ReadonlyMap<string, string> = new Map([
  ["completion", "text_completion"],
  ["completions", "text_completion"],
  ["text_completion", "text_completion"],
  ["generate_content", "generate_content"],
]);

/** `gen_ai.operation.name` of semconv v1.41. Undefined for a type of run that the conventions do not know. */
export function operationOf(run: Run): string | undefined {
  switch (run.type) {
    case "llm":
      return CALLS.get(run.operation ?? "chat") ?? "chat";
    case "embedding":
      return "embeddings";
    case "retriever":
      return "retrieval";
    case "tool":
      return "execute_tool";
    case "agent":
      return run.operation === "create_agent" ? "create_agent" : "invoke_agent";
    case "chain":
      return "invoke_workflow";
    default:
      return undefined;
  }
}

/** The model that a run was to call; the name of such a run is that, where nobody said more. */
export function requestModelOf(run: Run): string | undefined {
  return run.request?.model ?? (callsModel(run) ? run.name : undefined);
}

export function callsModel({ type }: Run): boolean {
  return type === "llm" || type === "embedding";
}

/** `{operation} {model}`, or the operation and what the run is called; then what there is of it. */
export function spanNameOf(run: Run): string {
  const operation = operationOf(run);
  const subject = callsModel(run) ? requestModelOf(run) : run.name;
  if (operation === undefined) return subject ?? run.type;
  return subject === undefined ? operation : `${operation} ${subject}`;
}
