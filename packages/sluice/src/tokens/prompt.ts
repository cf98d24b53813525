import type { Json, JsonObject, RunRequest } from "@sluice/sdk";
import { listOf, objectOf } from "@sluice/sdk/internal";
import { addMessage } from "./messages.ts";
import type { Tally } from "./tally.ts";
import { functionsOf, toolText } from "./tool-text.ts";

/** OpenAI's published figures: around each message, for a name, and for the answer that is asked for. */
const MESSAGE_TOKENS = 3;
const NAME_TOKENS = 1;
const ANSWER_TOKENS = 3;
/** Around the functions. They stand in a system message: one that is there is joined with it. */
const FUNCTIONS_TOKENS = 9;
const SYSTEM_TOKENS = 4;

/** The tokens of what a run was asked. Chats are framed as OpenAI does it. */
export function addPrompt(tally: Tally, request: RunRequest, operation: string | undefined): void {
  const { input, params } = request;
  if (operation === "completion" || operation === "embeddings") addTexts(tally, input);
  else addConversation(tally, input, params);
}

/** One text or several, or what was already tokens. */
function addTexts(tally: Tally, input: Json | undefined): void {
  tally.text(input);
  for (const one of listOf(input)) {
    if (typeof one === "number") tally.add(1);
    else if (Array.isArray(one)) tally.add(one.length);
    else tally.text(one);
  }
}

function addConversation(tally: Tally, input: Json | undefined, params: JsonObject | undefined): void {
  const messages = messagesOf(input, params);
  for (const message of messages) addFramed(tally, message);
  tally.add(ANSWER_TOKENS);
  const hasSystem = messages.some(({ role }) => role === "system");
  addFunctions(tally, params, hasSystem);
}

function messagesOf(input: Json | undefined, params: JsonObject | undefined): readonly JsonObject[] {
  const asked = typeof input === "string" ? [{ role: "user", content: input }] : listOf(input);
  // Responses have their instructions beside the input, and Anthropic's messages.
  const system = params?.instructions ?? params?.system;
  const all = system === undefined ? asked : [{ role: "system", content: system }, ...asked];
  return all.map(objectOf).filter((message) => message !== undefined);
}

function addFramed(tally: Tally, message: JsonObject): void {
  tally.add(MESSAGE_TOKENS);
  tally.text(message.role);
  if (typeof message.name === "string" && message.role !== undefined) {
    tally.text(message.name);
    tally.add(NAME_TOKENS);
  }
  addMessage(tally, message);
}

function addFunctions(tally: Tally, params: JsonObject | undefined, hasSystem: boolean): void {
  const functions = functionsOf(params);
  // Tools that are the provider's own, such as a search, are described to the model in its words.
  if (listOf(params?.tools).length > functions.length) tally.guess();
  if (functions.length === 0) return;
  tally.text(toolText(functions));
  tally.guess(FUNCTIONS_TOKENS - (hasSystem ? SYSTEM_TOKENS : 0));
}
