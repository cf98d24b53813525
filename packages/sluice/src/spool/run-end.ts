import type { Run } from "@sluice/sdk";

/**
 * What of a complete end decides what it costs, so that nobody has to read its bytes again for that: its run
 * without what was asked and answered. Without a usage, there is something to count.
 *
 * Undefined where nothing can be added: for runs that call no model (the tokens of an agent's run are those
 * of its calls, and would count twice), for those that come with their usage and their cost, and where a
 * model failed or was cut off before it said anything: nobody knows what it has read.
 */
export function runEndOf(run: Run, isAsked = run.request?.input !== undefined): Run | undefined {
  const { type, provider, operation, startTime, status, request, response, usage, cost } = run;
  if (type !== "llm" && type !== "embedding") return undefined;
  if (usage !== undefined && cost !== undefined) return undefined;
  const isAnswered = response?.output !== undefined;
  const wasAsked = isAsked && (status === "ok" || status === "cancelled");
  if (usage === undefined && !isAnswered && !wasAsked) return undefined;
  return {
    type,
    ...(provider !== undefined && { provider }),
    ...(operation !== undefined && { operation }),
    ...(startTime !== undefined && { startTime }),
    ...(status !== undefined && { status }),
    ...(request?.model !== undefined && { request: { model: request.model } }),
    ...(response?.model !== undefined && { response: { model: response.model } }),
    ...(usage !== undefined && { usage }),
    ...(cost !== undefined && { cost }),
  };
}
