/** Who looks on as a body is read. Its methods must not throw. */
export interface BodyTap {
  /** The next bytes, on their way to the reader. They are not to be kept: their memory goes with them. */
  chunk(bytes: Uint8Array): void;
  /** No more comes, for whatever reason. Called once. */
  over(end: BodyEnd): void;
}

export type BodyEnd =
  | { readonly by: "done" }
  /** Its reader wants no more of it. */
  | { readonly by: "reader" }
  | { readonly by: "error"; readonly error: unknown };

/**
 * The same response, whose body tells a tap what is read of it. Everything that can be asked of it is
 * answered by the original: status, headers, url. Undefined for a response that has no body of the web's
 * kind, which is passed on as it is.
 */
export function tapResponse(
  response: Response,
  tap: BodyTap,
  signal: AbortSignal | undefined,
): Response | undefined {
  const { body } = response;
  if (!(body instanceof ReadableStream)) return undefined;
  return like(response, tapBody(response, body, tap, signal));
}

/** What the original answers for. */
const ANSWERS = ["headers", "ok", "redirected", "status", "statusText", "type", "url"] as const;

/**
 * A response with another body. The constructor alone cannot make it: it takes no url, and forbids what a
 * server may well say.
 */
function like(original: Response, body: ReadableStream | null): Response {
  const contentType = original.headers.get("content-type");
  // The platform reads this one itself, for `blob` and `formData`.
  const response = new Response(
    body,
    contentType === null ? {} : { headers: { "content-type": contentType } },
  );
  for (const name of ANSWERS) {
    Object.defineProperty(response, name, { get: () => original[name], configurable: true });
  }
  const clone = () => like(original, Response.prototype.clone.call(response).body);
  return Object.defineProperty(response, "clone", { value: clone, configurable: true });
}

/**
 * A body that is read exactly as fast as its reader reads: nothing is taken from the original before
 * somebody asks, and each chunk is handed on as it came. It ends, breaks and is cancelled with the original,
 * with the same errors. `original` is kept as long as the body, because the platform cancels a body whose
 * response nobody holds.
 */
function tapBody(
  original: Response,
  body: ReadableStream<Uint8Array>,
  tap: BodyTap,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const end = new OneEnd(tap);
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let fail: (error: unknown) => void = () => {};
  const over = (how: BodyEnd) => {
    signal?.removeEventListener("abort", open);
    end.tell(how);
  };
  // Not before it is needed: a body that nobody reads is left to the platform, which then closes it.
  const open = () => {
    if (reader !== undefined) return reader;
    reader = (original.body ?? body).getReader();
    // A body can break while nobody reads.
    reader.closed.catch((error: unknown) => {
      over({ by: "error", error });
      fail(error);
    });
    return reader;
  };
  const source: Source = {
    start: (controller) => {
      fail = (error) => controller.error(error);
    },
    read: async () => {
      const { value, done } = await open().read();
      if (done) over({ by: "done" });
      else tap.chunk(value);
      return value;
    },
    cancel: async (reason) => {
      over({ by: "reader" });
      await open().cancel(reason);
    },
  };
  const tapped = hasByteReader(body) ? byteStream(source) : plainStream(source);
  signal?.addEventListener("abort", open, { once: true });
  abandoned.register(tapped, end);
  return tapped;
}

/** Tells the end once. Knows nothing of the stream, so that it can tell that the stream is gone. */
class OneEnd {
  #tap: BodyTap | undefined;

  constructor(tap: BodyTap) {
    this.#tap = tap;
  }

  tell(end: BodyEnd): void {
    const tap = this.#tap;
    this.#tap = undefined;
    tap?.over(end);
  }
}

/** A body that the application has dropped, read or not, is over when the memory of it is. */
const abandoned = new FinalizationRegistry<OneEnd>((end) => end.tell({ by: "reader" }));

interface Source {
  start(controller: { error(reason: unknown): void }): void;
  /** The next chunk; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  cancel(reason: unknown): Promise<void>;
}

/** No chunk is asked for before a reader asks. */
const NOTHING_AHEAD = { highWaterMark: 0 };

function byteStream({ start, read, cancel }: Source): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      type: "bytes",
      start,
      cancel,
      async pull(controller) {
        let chunk = await read();
        // A byte stream takes no empty chunks.
        while (chunk?.byteLength === 0) chunk = await read();
        if (chunk !== undefined) {
          controller.enqueue(chunk);
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0);
      },
    },
    NOTHING_AHEAD,
  );
}

function plainStream({ start, read, cancel }: Source): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start,
      cancel,
      async pull(controller) {
        const chunk = await read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    },
    NOTHING_AHEAD,
  );
}

/** Can the reader bring its own memory? Then so it can with ours. */
function hasByteReader(body: ReadableStream): boolean {
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    // The platform's answer to the question.
    return false;
  }
}
