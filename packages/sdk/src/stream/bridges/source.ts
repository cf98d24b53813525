/**
 * Whatever hands out chunks one after the other: a Web ReadableStream, a Node Readable, an OpenAI stream, a
 * generator.
 */
export type ChunkSource<Chunk> = ReadableStream<Chunk> | AsyncIterable<Chunk> | Iterable<Chunk>;

/** A source that is being read. After `cancel`, nothing more is asked of it. */
export interface OpenSource<Chunk> {
  /** Rejects with what broke the source, or with the signal's reason as soon as it aborts. */
  next(): Promise<IteratorResult<Chunk, unknown>>;
  /** Tells the source that nobody wants the rest. Never throws, and waits for nobody. */
  cancel(reason: unknown): void;
  /** Lets go of the signal. */
  release(): void;
}

/**
 * Opens a source so that it can be left at any moment, also while a chunk is awaited. An iterator alone
 * cannot be: the `return()` of a generator waits for its `next()`. So each kind is stopped where it really
 * listens.
 */
export function openSource<Chunk>(
  source: ChunkSource<Chunk> | PromiseLike<ChunkSource<Chunk>>,
  signal: AbortSignal | undefined,
): OpenSource<Chunk> {
  const reading = "then" in source ? readPromised(source) : read(source);
  return signal === undefined ? { ...reading, release: () => {} } : untilAborted(reading, signal);
}

type Reading<Chunk> = Pick<OpenSource<Chunk>, "next" | "cancel">;

/** A request that has no answer yet: it can be given up before, and is cancelled when it comes. */
function readPromised<Chunk>(source: PromiseLike<ChunkSource<Chunk>>): Reading<Chunk> {
  const coming = Promise.resolve(source).then(read);
  coming.catch(() => {});
  return {
    next: async () => (await coming).next(),
    cancel: (reason) => ignore(() => coming.then((reading) => reading.cancel(reason))),
  };
}

function read<Chunk>(source: ChunkSource<Chunk>): Reading<Chunk> {
  return isWebStream(source) ? readWebStream(source) : readIterable(source);
}

function isWebStream<Chunk>(source: ChunkSource<Chunk>): source is ReadableStream<Chunk> {
  return "getReader" in source && typeof source.getReader === "function";
}

function readWebStream<Chunk>(source: ReadableStream<Chunk>): Reading<Chunk> {
  const reader = source.getReader();
  return {
    next: () => reader.read(),
    cancel: (reason) => ignore(() => reader.cancel(reason)),
  };
}

function readIterable<Chunk>(source: AsyncIterable<Chunk> | Iterable<Chunk>): Reading<Chunk> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    cancel: () => {
      stop(source);
      ignore(() => iterator.return?.());
    },
  };
}

/** An OpenAI stream and a Node Readable can be stopped while they are waited for, each in its way. */
function stop(source: object): void {
  const controller = "controller" in source ? source.controller : undefined;
  if (typeof controller === "object" && controller !== null) call(controller, "abort");
  call(source, "destroy");
}

function call(target: object, name: string): void {
  const method: unknown = Reflect.get(target, name);
  if (typeof method === "function") ignore(() => method.call(target));
}

function untilAborted<Chunk>(reading: Reading<Chunk>, signal: AbortSignal): OpenSource<Chunk> {
  let giveUp: ((reason: unknown) => void) | undefined;
  const onAbort = () => {
    reading.cancel(signal.reason);
    giveUp?.(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    // A race of promises would keep one reaction per chunk on the promise that outlives them all.
    next: () =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        if (signal.aborted) onAbort();
        else reading.next().then(resolve, reject);
      }),
    cancel: (reason) => reading.cancel(reason),
    release: () => signal.removeEventListener("abort", onAbort),
  };
}

/** A source that fails while it is being stopped has nobody left to tell. */
function ignore(action: () => unknown): void {
  try {
    Promise.resolve(action()).catch(() => {});
  } catch {
    // The same, without a promise.
  }
}
