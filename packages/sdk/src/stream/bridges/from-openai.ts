import type { StreamEvent } from "../../event/dialects/stream/stream-event.ts";
import type { EventStream } from "../event-stream.ts";
import { OpenAIAnswer } from "./openai-answer.ts";
import { handled, type PumpOptions, pump, sendOrDrop } from "./pump.ts";
import { openSource } from "./source.ts";

/**
 * Sends an answer of the `openai` package into a stream and closes it. `chunks` is what
 * `openai.chat.completions.create({ stream: true, … })` or `openai.responses.create({ stream: true, … })`
 * returns, awaited or not; a request that fails is an Error event too. Ask for
 * `stream_options: { include_usage: true }` if there shall be a Usage event of a chat completion.
 *
 * Order, and what each chunk becomes: see OpenAIAnswer. Takes the next chunk when there was room for the
 * last one. Resolves when the answer has ended, also by an Error event that the provider sent. Rejects with
 * what the request or its stream threw (the stream has it as an Error event), with a StreamError if the
 * stream is closed first, and with the signal's reason; in the last two cases the request is aborted: at once
 * by the signal, with its next chunk by a stream that is closed. Nobody has to await it.
 */
export function fromOpenAI(
  chunks: OpenAIChunks | PromiseLike<OpenAIChunks>,
  stream: EventStream<StreamEvent>,
  options: PumpOptions = {},
): Promise<void> {
  return handled(sendAnswer(chunks, stream, options));
}

/** Chunks of a chat completion or events of a response: of any version of the package that streams them. */
export type OpenAIChunks = AsyncIterable<object>;

async function sendAnswer(
  chunks: OpenAIChunks | PromiseLike<OpenAIChunks>,
  stream: EventStream<StreamEvent>,
  { signal, preventClose = false }: PumpOptions,
): Promise<void> {
  const answer = new OpenAIAnswer(stream.id);
  try {
    await pump(openSource(chunks, signal), stream, (chunk) => answer.read(chunk), signal);
    for (const event of answer.end()) await sendOrDrop(stream, event, signal);
  } catch (error) {
    for (const event of answer.fail(error)) await tell(stream, event, signal);
    throw error;
  } finally {
    if (!preventClose) stream.close();
  }
}

/** Whoever watches learns of the failure if the stream can still say it; the failure itself is thrown. */
async function tell(
  stream: EventStream<StreamEvent>,
  event: StreamEvent,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) {
    stream.trySend(event);
    return;
  }
  await sendOrDrop(stream, event, signal).catch(() => {});
}
