import { readdirSync } from "node:fs";
import path from "node:path";
import { systemDisk } from "@sluice/sdk/internal";
import { type Exchange, readExchanges } from "../../packages/sluice/src/testing/exchange-files.ts";
import { recordingsRoot } from "./recordings.ts";

/** What the providers of these tests answer: the exchanges of this repository, and the recordings beside it. */
export async function allExchanges(): Promise<Exchange[]> {
  const root = recordingsRoot();
  if (root !== undefined) return [...(await ownExchanges()), ...(await recordedExchanges(root))];
  console.warn("No recordings at ../shared/recordings: only our own exchanges are replayed.");
  return ownExchanges();
}

/** The exchanges that are written for this repository. */
export async function ownExchanges(): Promise<Exchange[]> {
  const root = path.resolve(import.meta.dirname, "../fixtures/exchanges");
  const lists = await Promise.all(
    readdirSync(root)
      .sort()
      .map((name) => readExchanges(systemDisk, path.join(root, name))),
  );
  return lists.flat();
}

const OPERATIONS: Readonly<Record<string, string>> = {
  "openai-chat": "/v1/chat/completions",
  "openai-completions": "/v1/completions",
  "openai-embeddings": "/v1/embeddings",
  "openai-responses": "/v1/responses",
};

/** Every recorded exchange of the four operations. */
export async function recordedExchanges(root: string): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  for (const [api, apiPath] of Object.entries(OPERATIONS)) {
    for (const name of readdirSync(path.join(root, api)).sort()) {
      exchanges.push(...(await readExchanges(systemDisk, path.join(root, api, name), apiPath)));
    }
  }
  return exchanges;
}
