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

/**
 * Ends the process at once, as `process.exit` does, which by itself would wait for the threads of the pool:
 * if one of them is in a call that does not return (a disk that hangs), it never comes to an end. So where a
 * file operation is still under way, the listeners are told, and then the process is replaced by one that
 * does nothing but end with the code. For a daemon that has closed what can be closed; not for use in
 * somebody's application.
 */
export function endProcess(code: number): never {
  const isBusy = process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
  if (isBusy) process.on("exit", () => process.execve?.(process.execPath, endingWith(code), {}));
  process.exit(code);
}

function endingWith(code: number): string[] {
  return [process.execPath, "-e", `process.exit(${code})`];
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
