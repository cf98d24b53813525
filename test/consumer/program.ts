import {
  type BufferedOptions,
  createBufferedEmitter,
  createEventStream,
  type Emitter,
  type EventStream,
  isStreamClosed,
  observe,
  type StreamEvent,
  textDeltaEvent,
} from "@sluice/sdk";
import OpenAI from "openai";

/**
 * What an application does with the SDK, in small. A test compiles it against the packed package, outside of
 * this repository, without Node's types, and runs it on every Node that the SDK promises.
 */
const lines: string[] = [];
const drops: string[] = [];
const options: BufferedOptions = {
  write: async ({ bytes }) => {
    lines.push(...new TextDecoder().decode(bytes).split("\n").slice(0, -1));
  },
  onDrop: (count, reason) => drops.push(`${count} ${reason}`),
};
const emitter: Emitter = createBufferedEmitter(options);
emitter.emit({ kind: "order.placed", data: { amount: 12.5 } });
emitter.emit({ kind: "" });
const answer = { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-4o", choices: [] };
const openai = observe(new OpenAI({ apiKey: "none", fetch: async () => Response.json(answer) }), { emitter });
await openai.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] });
await emitter.close();

const stream: EventStream = createEventStream({ policy: "drop-oldest" });
const readers = [stream.subscribe({ from: "oldest" }), stream.subscribe({ from: "oldest" })];
for (const word of ["Hello", ", ", "world"]) await stream.send(textDeltaEvent(word));
stream.close();
const texts = await Promise.all(readers.map(joined));
const refusal: unknown = await stream.send(textDeltaEvent("late")).catch((error: unknown) => error);

async function joined(reader: (typeof readers)[number]): Promise<string> {
  let text = "";
  for await (const item of reader) text += item.type === "Gap" ? "…" : textOf(item);
  return text;
}

function textOf(event: StreamEvent): string {
  return typeof event.data["text"] === "string" ? event.data["text"] : "";
}

console.log(
  JSON.stringify({
    kinds: lines.map((line) => JSON.parse(line).kind),
    drops,
    texts,
    isRefused: isStreamClosed(refusal),
  }),
);
