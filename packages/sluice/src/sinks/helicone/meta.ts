import type { Event, Json, JsonObject, Run } from "@sluice/sdk";
import { deriveId, numberOf } from "@sluice/sdk/internal";

/** Values of `providerRequest.meta`, which Helicone makes HTTP headers of. */
export type Meta = Readonly<Record<string, string>>;

/**
 * The request id of a run: a UUIDv5 of its id, always the same one. Helicone takes versions 1 to 5 only, and
 * silently replaces any other (the v7 that our own ids are) by a random one, which would make a new row of
 * every retry.
 */
export function requestIdOf(runId: string): string {
  return deriveId(runId, "helicone");
}

/**
 * Who a call was for and what is known about it. All of it goes into `meta` and nothing into HTTP headers:
 * those win over `meta`, and would put every tenant's calls under one name.
 */
export function metaOf(event: Event, run: Run, runId: string, more: JsonObject): Meta {
  const { scope, session, parentRunId } = event;
  const sessionId = session?.id ?? session?.nativeId;
  const name = run.name ?? run.request?.model ?? run.type;
  const meta = new HeaderSafe();
  meta.set("Helicone-Request-Id", requestIdOf(runId));
  if (scope?.kind === "user") meta.set("Helicone-User-Id", scope.id);
  if (sessionId !== undefined) {
    meta.set("Helicone-Session-Id", sessionId);
    meta.set("Helicone-Session-Path", pathOf(run, runId, name, parentRunId));
    if (session?.connector !== undefined) meta.set("Helicone-Session-Name", session.connector);
  }
  const facts = { "Run-Id": runId, "Parent-Run-Id": parentRunId, "Trace-Id": event.traceId, ...more };
  for (const [key, value] of Object.entries(facts)) meta.property(key, value);
  if (event.tags && event.tags.length > 0) meta.property("Tags", event.tags.join(", "));
  for (const [key, value] of Object.entries(event.metadata ?? {})) meta.property(key, value);
  return meta.values;
}

/**
 * Helicone knows a tree by the paths of its calls alone. A run knows its own id and its parent's, so each
 * stands below its parent's id, and what others hang from is its own id.
 */
function pathOf(run: Run, runId: string, name: string, parentRunId: string | undefined): string {
  const isBranch = run.type === "agent" || run.type === "chain" || run.type === "tool";
  const own = segment(isBranch ? runId : name);
  return parentRunId === undefined ? `/${own}` : `/${segment(parentRunId)}/${own}`;
}

/** A slash would begin another segment. */
function segment(name: string): string {
  return name.replaceAll("/", "|");
}

/** Headers that `new Headers` takes: it throws on a line feed and on anything above U+00FF. */
class HeaderSafe {
  readonly values: Record<string, string> = Object.create(null);
  /** In lower case, each with the number that its next namesake tries first. */
  readonly #names = new Map<string, number>();

  set(name: string, value: string): void {
    // Header names know no case, and two of one name would be joined to one value.
    const key = name.toLowerCase();
    let count = this.#names.get(key) ?? 1;
    let free = name;
    for (; this.#names.has(free.toLowerCase()); count++) free = `${name}-${count + 1}`;
    this.#names.set(free.toLowerCase(), 1);
    this.#names.set(key, count);
    this.values[free] = headerValue(value);
  }

  /** Text as it is, anything else as its JSON; nothing for what is not known. */
  property(key: string, value: Json | undefined): void {
    if (value === undefined || value === null) return;
    if (typeof value === "object" && !Array.isArray(value) && numberOf(value) === undefined) {
      for (const [inner, member] of Object.entries(value)) this.property(`${key}.${inner}`, member);
      return;
    }
    this.set(
      `Helicone-Property-${headerName(key)}`,
      typeof value === "string" ? value : JSON.stringify(value),
    );
  }
}

/** The characters of a header's name (RFC 9110), but the one that begins an escape. */
const NAME_UNSAFE = /[^A-Za-z0-9!#$&'*+.^_`|~-]/gu;
/** Control characters, the end of Latin-1, and white space that would be trimmed in front. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a header may not hold.
const VALUE_UNSAFE = /[\x00-\x1f\x7f-\x9f]|[^\x00-\xff]|^ +|%/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same.
const NEEDS_ESCAPE = /[\x00-\x1f\x7f-\x9f]|[^\x00-\xff]|^ | $|%[0-9a-fA-F]{2}/u;

function headerName(key: string): string {
  return key.toWellFormed().replaceAll(NAME_UNSAFE, escaped) || "_";
}

/**
 * As it is where a header can hold it; else percent-encoded where it cannot, with every per cent sign, so
 * that `decodeURIComponent` gives the value back.
 */
function headerValue(value: string): string {
  const text = value.toWellFormed();
  if (!NEEDS_ESCAPE.test(text)) return text;
  // By hand: a pattern for them looks at every space of a long run again and again.
  let end = text.length;
  while (text[end - 1] === " ") end--;
  return text.slice(0, end).replaceAll(VALUE_UNSAFE, escaped) + "%20".repeat(text.length - end);
}

/** In UTF-8, every byte of it: encodeURIComponent leaves some characters that a name must not have. */
function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}
