import { type Clock, systemClock } from "@sluice/sdk/internal";
import type { Answer } from "./answer.ts";
import { type Backend, type BackendRequest, startBackend } from "./backend.ts";

interface StandIn {
  answer(request: BackendRequest): Answer | Promise<Answer>;
}

/**
 * A stand-in behind a loopback port, with a script of faults like any backend. Everything else that it has is
 * read from the result as from itself.
 */
export async function behindPort<Server extends StandIn>(
  server: Server,
  clock: Clock = systemClock,
): Promise<Backend & Omit<Server, "answer">> {
  const { answer, ...told } = Object.getOwnPropertyDescriptors(server);
  const backend = await startBackend({ answer: (request) => server.answer(request), clock });
  return Object.defineProperties(backend as Backend & Omit<Server, "answer">, told);
}
