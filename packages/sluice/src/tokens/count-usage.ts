import type { Run, Usage } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
import { addMessage } from "./messages.ts";
import { encodingOf } from "./model-encoding.ts";
import { addPrompt } from "./prompt.ts";
import { Tally } from "./tally.ts";
import { functionsOf } from "./tool-text.ts";

/**
 * A run's usage: the provider's where it gave one, else counted from what was asked and answered. `counted`
 * is what recorded usages confirm to the token: text to and from OpenAI's models that do not think. All else
 * is `estimated`: other providers' models, tools, pictures, text that was cut. Undefined where there is
 * nothing to count, or the model was never reached.
 */
export function countUsage(run: Run): Usage | undefined {
  if (run.usage !== undefined) return run.usage;
  const { request, response, operation } = run;
  if (run.type !== "llm" && run.type !== "embedding") return undefined;
  if (run.status === "error" && response?.output === undefined) return undefined;
  if (request?.input === undefined && response?.output === undefined) return undefined;
  const model = encodingOf(request?.model ?? response?.model);
  const prompt = new Tally(model);
  if (request?.input !== undefined) addPrompt(prompt, request, operation);
  const completion = new Tally(model);
  addCompletion(completion, run);
  const isExact = prompt.isExact && completion.isExact && run.truncated === undefined;
  return {
    ...(request?.input !== undefined && { input: prompt.tokens }),
    ...(response?.output !== undefined && { output: completion.tokens }),
    source: isExact ? "counted" : "estimated",
  };
}

/** The token that ends an answer is counted in the responses format, and in chats that offer tools. */
const END_TOKENS = 1;

function addCompletion(tally: Tally, { request, response, operation, status }: Run): void {
  const output = response?.output;
  if (output === undefined) return;
  for (const one of Array.isArray(output) ? listOf(output) : [output]) {
    tally.text(one);
    const message = objectOf(one);
    if (message !== undefined) addMessage(tally, message);
  }
  const isEndCounted = operation === "responses" || functionsOf(request?.params).length > 0;
  if (isEndCounted && status === "ok") tally.add(END_TOKENS);
}
