import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** The port on which it can be had, told once. */
export interface Listening {
  readonly port: number;
}

/** The ids that it took, in the order in which they came: the answer to any message. */
export interface Taken {
  readonly ids: readonly string[];
}

/** The backend of the collector sink as a program of its own, for a host that is not this one. */
async function main(): Promise<void> {
  const ids: string[] = [];
  const server = createServer(async (request, response) => {
    try {
      const events = (await json(request)) as readonly { readonly id: string }[];
      ids.push(...events.map(({ id }) => id));
      response.end(JSON.stringify({ taken: events.length }));
    } catch {
      response.destroy(); // Half a request: who sent it has given up.
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as AddressInfo;
  process.on("message", () => process.send?.({ ids } satisfies Taken));
  // Its host ends with it, also where the test could not say so.
  process.on("disconnect", () => process.exit());
  process.send?.({ port } satisfies Listening);
}

// Imported for its types, it does nothing.
if (process.send && process.argv[1] === import.meta.filename) await main();
