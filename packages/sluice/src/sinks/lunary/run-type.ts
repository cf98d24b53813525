import type { Run } from "@sluice/sdk";

/** Lunary's run types; a type of the sender's own is a chain, which can hold anything. */
export function typeOf(run: Run): string {
  switch (run.type) {
    case "llm":
    case "agent":
    case "chain":
    case "tool":
    case "retriever":
      return run.type;
    case "embedding":
      return "embed";
    default:
      return "chain";
  }
}

/** Its start is sent when it comes: what hangs from it ends before it does. */
export function hasChildren(run: Run): boolean {
  return run.type !== "llm" && run.type !== "embedding" && run.type !== "retriever";
}
