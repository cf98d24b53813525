import { createHmac } from "node:crypto";
import { deriveId } from "@sluice/sdk/internal";

const PREFIX = "whsec_";
/** What Standard Webhooks asks of a key: fewer bytes can be guessed, and more are hashed away. */
const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;
/**
 * What may stand in a header and in what is signed, where a point ends the id: with one inside, two messages
 * could have one signature.
 */
const PLAIN_ID = /^[\x21-\x2d\x2f-\x7e]+$/;

/** What is wrong with a signing secret, as the end of a sentence; undefined if nothing is. Never shows it. */
export function secretFault(secret: string): string | undefined {
  if (!secret.startsWith(PREFIX)) return `must start with ${PREFIX}, as Standard Webhooks writes its secrets`;
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, "base64");
  if (key.toString("base64") !== text) return `must have standard base64 with its padding after ${PREFIX}`;
  if (key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX) return undefined;
  return `must hold ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes, and holds ${key.length}`;
}

/**
 * Makes the headers of Standard Webhooks for a message: its id, the time of this attempt, and a signature of
 * both and the body with each secret, so that a receiver may change from one to the next when it likes.
 */
export function createSigner(secrets: readonly string[]) {
  const keys = secrets.map((secret) => Buffer.from(secret.slice(PREFIX.length), "base64"));
  return (id: string, body: Uint8Array, nowMs: number) => {
    const timestamp = String(Math.floor(nowMs / 1_000));
    const sign = (key: Uint8Array) =>
      `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`;
    return {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": keys.map(sign).join(" "),
    };
  };
}

/** The message's id where it is one event: the event's own, or a UUIDv5 of one that cannot be signed. */
export function messageId(eventId: string): string {
  return PLAIN_ID.test(eventId) ? eventId : deriveId(eventId, "webhook");
}

/** The id of a message with these events: a UUIDv5 of theirs, so the same events have the same id for ever. */
export function batchId(eventIds: readonly string[]): string {
  return deriveId(eventIds.join("\n"), "webhook-batch");
}
