import type { Clock } from "@sluice/sdk/internal";
import { within } from "../within.ts";
import { leavesConnection, TimedOut } from "./failure.ts";
import type { Session } from "./session.ts";

/** A server that does not take a cancellation in this time does not take it at all. */
const CANCEL_MS_MAX = 1_000;

/** Sessions that are kept between batches: as many as batches were ever in flight. */
export interface Sessions {
  /**
   * Does the work with a session of its own. Rejects as soon as the signal aborts, or with TimedOut: then the
   * server is asked to stop, and the connection goes.
   */
  use<Value>(work: (session: Session) => Promise<Value>, signal: AbortSignal): Promise<Value>;
  close(): Promise<void>;
}

export function createSessions(open: () => Promise<Session>, timeoutMs: number, clock: Clock): Sessions {
  const idle: Session[] = [];
  const leaving = new Set<Promise<void>>();

  function leave(session: Session): void {
    const gone = within(CANCEL_MS_MAX, clock, session.cancel()).then(() => session.destroy());
    leaving.add(gone);
    void gone.finally(() => leaving.delete(gone));
  }

  function take(): Session | undefined {
    for (let session = idle.pop(); session; session = idle.pop()) {
      if (session.isAlive) return session;
      session.destroy();
    }
    return undefined;
  }

  return {
    async use(work, signal) {
      const session = take() ?? (await open());
      const over = Promise.withResolvers<never>();
      const stop = () => over.reject(new Error("stopped while it was written"));
      const timer = clock.after(timeoutMs, () =>
        over.reject(new TimedOut(`PostgreSQL has not answered in ${timeoutMs} ms`)),
      );
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      try {
        const value = await Promise.race([work(session), over.promise]);
        idle.push(session);
        return value;
      } catch (error) {
        if (leavesConnection(error)) idle.push(session);
        else leave(session);
        throw error;
      } finally {
        timer.cancel();
        signal.removeEventListener("abort", stop);
      }
    },
    async close() {
      for (const session of idle.splice(0)) session.destroy();
      await Promise.all(leaving);
    },
  };
}
