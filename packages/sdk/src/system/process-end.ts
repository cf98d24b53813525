/** What wants to be asked before this process ends. */
export interface EndListener {
  /** The event loop is empty. What is started here keeps the process until it is done. */
  onIdle(): void;
  /** The process ends now: by `process.exit`, an uncaught exception, or because it is done. Synchronous. */
  onExit(): void;
}

export interface ProcessEnd {
  /** Tells `listener` until the returned function is called. */
  listen(listener: EndListener): () => void;
}

const listeners = new Set<EndListener>();

/** One listener at `process` for all of ours: Node warns of a leak when there are more than ten. */
export const systemProcessEnd: ProcessEnd = {
  listen(listener) {
    if (listeners.size === 0) {
      process.on("beforeExit", tellIdle);
      process.on("exit", tellExit);
    }
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      process.off("beforeExit", tellIdle);
      process.off("exit", tellExit);
    };
  },
};

function tellIdle(): void {
  for (const listener of listeners) listener.onIdle();
}

function tellExit(): void {
  for (const listener of listeners) listener.onExit();
}
