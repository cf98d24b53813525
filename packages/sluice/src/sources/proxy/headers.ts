/**
 * Headers on their way through. They are kept as the raw list that came (order, case, duplicates); only those
 * go that belong to one connection (RFC 9110, 7.6.1), and on the way to the provider those that are meant for
 * us.
 */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
/** What a client says to sluice. Also its token, which no provider may see. */
const OURS = "x-sluice-";

/**
 * The headers of the upstream request, as a flat list. `bodyBytes` where the body that goes is not the one
 * that came.
 */
export function requestHeaders(
  method: string,
  raw: readonly string[],
  host: string,
  bodyBytes?: number,
): string[] {
  const headers = ["Host", host];
  const named = namedByConnection(raw);
  let hasBody = false;
  let hasLength = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const lower = name.toLowerCase();
    if (lower === "transfer-encoding") hasBody = true;
    if (lower === "content-length") {
      if (bodyBytes !== undefined) continue;
      hasLength = true;
    }
    // `expect` has been answered by our own server by the time that we are called.
    if (lower === "host" || lower === "expect" || lower.startsWith(OURS)) continue;
    if (HOP_BY_HOP.has(lower) || named?.has(lower)) continue;
    if (bodyBytes !== undefined && lower === "accept-encoding") continue;
    headers.push(name, raw[index + 1] ?? "");
  }
  // What we change on its way back must come in plain text.
  if (bodyBytes !== undefined) headers.push("Accept-Encoding", "identity");
  if (bodyBytes !== undefined) headers.push("Content-Length", String(bodyBytes));
  else if (hasBody && !hasLength) headers.push("Transfer-Encoding", "chunked");
  else if (!hasLength && method !== "GET" && method !== "HEAD") headers.push("Content-Length", "0");
  return headers;
}

/** The headers of the answer, as a flat list. */
export function responseHeaders(raw: readonly string[]): string[] {
  const named = namedByConnection(raw);
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named?.has(lower)) continue;
    headers.push(name, raw[index + 1] ?? "");
  }
  return headers;
}

/** A `Connection` header may name more headers that end here. It hardly ever does. */
function namedByConnection(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (raw[index]?.length !== "connection".length || raw[index]?.toLowerCase() !== "connection") continue;
    const value = (raw[index + 1] ?? "").toLowerCase();
    if (value === "keep-alive" || value === "close") continue;
    named ??= new Set();
    for (const name of value.split(",")) named.add(name.trim());
  }
  // Without these the message itself would change.
  named?.delete("content-length");
  named?.delete("host");
  return named;
}

/**
 * One header of a raw list, by its lower-case name: the first, or undefined. Cheaper than having Node build
 * its object.
 */
export function headerOf(raw: readonly string[], name: string): string | undefined {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const each = raw[index] ?? "";
    if (each.length === name.length && each.toLowerCase() === name) return raw[index + 1];
  }
  return undefined;
}
