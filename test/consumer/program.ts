import { type BufferedOptions, createBufferedEmitter, type Emitter, textDeltaEvent } from "@sluice/sdk";

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
await emitter.close();

console.log(
  JSON.stringify({
    kinds: lines.map((line) => JSON.parse(line).kind),
    drops,
    delta: textDeltaEvent("Hello").data,
  }),
);
