import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { apiReference } from "./api-reference/pages.ts";
import { pages } from "./pages.ts";

/** `npm run docs`: writes every generated page. They are committed; a test says when one is stale. */
const root = join(import.meta.dirname, "..");
for (const [path, text] of [...pages(), ...(await apiReference()).pages]) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
