/**
 * Asks a model one question, and writes all that happens to `events.log` with an emitter of its own.
 *
 *     OPENAI_API_KEY=… npx node main.ts
 */
import { observe } from "@sluice/sdk";
import OpenAI from "openai";
import { FileEventEmitter } from "./file-event-emitter.ts";

const model = process.env.MODEL ?? "gpt-4.1-mini";
const temperature = 0.7;

// The client is made inside observe, so that a missing key is an event too.
const openai = observe(() => new OpenAI(), {
  emitter: new FileEventEmitter("events.log"),
  setUp: { model, temperature },
});

const completion = await openai.chat.completions.create({
  model,
  temperature,
  messages: [{ role: "user", content: "What is a sluice, in one sentence?" }],
});

console.log(completion.choices[0]?.message.content ?? "(no text)");
const { usage } = completion;
if (usage) console.log(`Tokens: ${usage.prompt_tokens} in, ${usage.completion_tokens} out.`);
console.log("Every event is in events.log.");
