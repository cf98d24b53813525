import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { apiReference } from "./api-reference/pages.ts";
import { pages } from "./pages.ts";
import { tokensPage } from "./tokens-page.ts";

/** `npm run docs`: writes every generated page. They are committed; a test says when one is stale. */
const root = join(import.meta.dirname, "..");
const tokens = await tokensPage();
if (tokens === undefined)
  console.warn("No recordings at ../shared/recordings: docs/tokens.md stays as it is.");
const counted = tokens === undefined ? [] : ([["docs/tokens.md", tokens]] as const);
for (const [path, text] of [...pages(), ...counted, ...(await apiReference()).pages]) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
