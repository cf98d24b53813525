import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { JsonObject } from "@sluice/sdk";

/** The folders of recordings beside the repository, by what they are of; none where they are not at hand. */
export function recordingsRoot(): string | undefined {
  const root = path.resolve(import.meta.dirname, "../..");
  const places = [process.env.SLUICE_RECORDINGS, path.join(root, "../shared/recordings")];
  return places.find((place) => place !== undefined && existsSync(place));
}

/** One recorded answer: the only object of a JSON answer, or all that a stream sent. */
export interface RecordedAnswer {
  readonly api: string;
  /** `<case>/<file>`. */
  readonly name: string;
  readonly objects: readonly JsonObject[];
}

/** Every recorded answer of every provider, also of those that the proxy does not read. */
export function recordedAnswers(root: string): readonly RecordedAnswer[] {
  return foldersOf(root).flatMap((api) =>
    foldersOf(path.join(root, api)).flatMap((name) =>
      ["response.json", "response.sse"].flatMap((file) => {
        const whole = path.join(root, api, name, file);
        if (!existsSync(whole)) return [];
        return [{ api, name: `${name}/${file}`, objects: objectsOf(readFileSync(whole, "utf8"), file) }];
      }),
    ),
  );
}

function foldersOf(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function objectsOf(text: string, file: string): readonly JsonObject[] {
  if (file.endsWith(".json")) return [JSON.parse(text) as JsonObject];
  const data = text.split("\n").filter((line) => line.startsWith("data:"));
  const payloads = data.map((line) => line.slice("data:".length).trim());
  return payloads.filter((payload) => payload.startsWith("{")).map((payload) => JSON.parse(payload));
}
