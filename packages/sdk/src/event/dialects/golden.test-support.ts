import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeEvent, decodeJson, encodeEvent } from "../codec.ts";
import type { Event, JsonObject } from "../event.ts";
import { checkEvent } from "../validate.ts";
import type { Dialect } from "./dialect.ts";
import { isPayloadObject } from "./foreign.ts";

/** One payload, numbers with their text. */
export function parsePayload(text: string): JsonObject {
  const payload = decodeJson(text);
  return isPayloadObject(payload) ? payload : expect.fail("not an object");
}

/** An event as it comes back from the spool. */
export function stored(event: Event): Event {
  return decodeEvent(Buffer.from(encodeEvent(event)));
}

/**
 * The golden files of a dialect, in threes: `x.json` is a payload as a sender writes it, `x.event.json` what
 * it becomes, `x.projection.json` how the dialect says the same event if it came from elsewhere. The payload
 * must come back to the letter.
 */
export function testGoldenFiles(folder: URL, dialect: Dialect, read: (payload: JsonObject) => Event): void {
  const payloadFiles = readdirSync(folder).filter((name) => /^[\w-]+\.json$/.test(name));

  test.each(payloadFiles)("%s becomes the event beside it, and comes back as it was", async (name) => {
    const text = readFileSync(new URL(name, folder), "utf8").trim();
    const beside = (ending: string) => new URL(name.replace(".json", ending), folder).pathname;

    const event = read(parsePayload(text));

    const { origin: _origin, ...canonical } = event;
    expect(dialect.matches(parsePayload(text))).toBe(true);
    expect(checkEvent(event)).toBeUndefined();
    expect(JSON.stringify(dialect.write(stored(event)))).toBe(`[${text}]`);
    await expect(pretty(event)).toMatchFileSnapshot(beside(".event.json"));
    await expect(pretty(dialect.write(canonical))).toMatchFileSnapshot(beside(".projection.json"));
  });
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
