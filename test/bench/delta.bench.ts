import { encodeStreamEvent, type StreamEvent, textDeltaEvent } from "@sluice/sdk";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * What a text delta costs as one line of JSON, against JSON.stringify of the same delta: CPU time of this
 * process, both in random order each round. The first case is the string alone, which has the limit of 0.5.
 * In the second its bytes are written too, as for a file or a socket: V8 then puts together the pieces that a
 * template leaves, and both pay for the writing.
 */
const ROUNDS = 15;
const DELTAS = 20_000;
const PASSES = 5;

/** As a model writes them: words with a space, marks, a quote now and then, another script. */
const TOKENS = [" The", " answer", " is", " 42", ".", "\n\n", " fox", "es", " jump", " “over”", " it", '"'];

export async function* cases(): AsyncIterable<Measurement> {
  const deltas = Array.from({ length: DELTAS }, (_, index) =>
    textDeltaEvent(TOKENS[index % TOKENS.length] ?? ""),
  );
  const buffer = Buffer.allocUnsafe(1_024);
  yield await measure("text delta as a string", deltas, (line) => line.length);
  yield await measure("text delta as bytes", deltas, (line) => buffer.write(line));
}

type Encode = (delta: StreamEvent) => string;

async function measure(
  name: string,
  deltas: readonly StreamEvent[],
  take: (line: string) => number,
): Promise<Measurement> {
  const cost = (encode: Encode) => async () => {
    const before = process.cpuUsage();
    let size = 0;
    for (let pass = 0; pass < PASSES; pass++) for (const delta of deltas) size += take(encode(delta));
    const { user, system } = process.cpuUsage(before);
    if (size === 0) throw new Error("nothing was encoded");
    return ((user + system) * 1_000) / (PASSES * deltas.length);
  };
  const contestants = { ours: cost(encodeStreamEvent), theirs: cost((delta) => JSON.stringify(delta)) };
  await interleave(2, contestants);
  const { ours, theirs } = await interleave(ROUNDS, contestants);
  return compare(name, "cpu ns/delta", ours, theirs);
}
