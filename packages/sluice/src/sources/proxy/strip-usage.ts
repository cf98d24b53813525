/**
 * `stream_options.include_usage` asks a stream for its usage, which comes as one more chunk whose `choices`
 * are empty. Clients that did not ask may index `choices[0]` and crash, so for them the chunk is taken out
 * again; every other byte passes as it came.
 */
export interface Rewritten {
  readonly body: Buffer;
  /** What the answer goes through; undefined where nothing was changed. */
  readonly filter?: StreamFilter;
}

/** Changes a streamed body on its way to the client. */
export interface StreamFilter {
  pass(chunk: Buffer): Buffer;
  /** What is still held back when the stream ends. */
  end(): Buffer;
}

/** A usage chunk has some hundred bytes; what is longer is passed on unread. */
const USAGE_CHUNK_BYTES_MAX = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Adds the option to a chat or completion request that streams and does not speak of it; any other body stays
 * as it is.
 */
export function askForUsage(body: Buffer): Rewritten {
  const request = parse(body.toString("utf8"));
  const isOurs = request !== undefined && request.stream === true && !("stream_options" in request);
  const open = body.indexOf("{");
  if (!isOurs || open < 0) return { body };
  const option = Buffer.from('"stream_options":{"include_usage":true},');
  const asked = Buffer.concat([body.subarray(0, open + 1), option, body.subarray(open + 1)]);
  return { body: asked, filter: new UsageFilter() };
}

class UsageFilter implements StreamFilter {
  /** The beginning of an event that has no end yet. */
  #held: Buffer = NOTHING;
  /** The event at hand is too long to be usage, and is on its way out. */
  #isPassing = false;

  pass(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    let from = 0;
    for (let end = endOfEvent(bytes, from); end >= 0; end = endOfEvent(bytes, from)) {
      const event = bytes.subarray(from, end);
      if (this.#isPassing || !isUsage(event)) passed.push(event);
      this.#isPassing = false;
      from = end;
    }
    this.#held = bytes.subarray(from);
    if (this.#isPassing || this.#held.length > USAGE_CHUNK_BYTES_MAX) {
      // The last bytes may begin a blank line; they wait for the rest of it.
      const safe = Math.max(0, this.#held.length - 3);
      passed.push(this.#held.subarray(0, safe));
      this.#held = this.#held.subarray(safe);
      this.#isPassing = true;
    }
    return passed.length === 1 ? (passed[0] ?? NOTHING) : Buffer.concat(passed);
  }

  end(): Buffer {
    const held = this.#held;
    this.#held = NOTHING;
    return this.#isPassing || !isUsage(held) ? held : NOTHING;
  }
}

/** Where the event that begins at `from` has ended, its blank line included; -1 if it has not. */
function endOfEvent(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf("\n\n", from);
  const crlf = bytes.indexOf("\r\n\r\n", from);
  if (lf < 0 && crlf < 0) return -1;
  return crlf >= 0 && (lf < 0 || crlf < lf) ? crlf + 4 : lf + 2;
}

function isUsage(event: Buffer): boolean {
  if (event.length > USAGE_CHUNK_BYTES_MAX || !event.includes('"usage"')) return false;
  const text = event.toString("utf8").trim();
  const chunk = text.startsWith("data:") ? parse(text.slice("data:".length)) : undefined;
  const choices = chunk?.choices;
  return Array.isArray(choices) && choices.length === 0 && typeof chunk?.usage === "object";
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // No JSON: nothing to add to, nothing to take out.
    return undefined;
  }
}
