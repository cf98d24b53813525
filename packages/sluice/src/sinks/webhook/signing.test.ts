import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { batchId, createSigner, messageId, secretFault } from "./signing.ts";

/** From the reference implementations' own tests. */
const REFERENCE = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: "1614265330",
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

function secretOf(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, "k").toString("base64")}`;
}

test("a message has the signature of Standard Webhooks' own example (S32)", () => {
  const sign = createSigner([REFERENCE.secret]);

  expect(sign(REFERENCE.id, Buffer.from(REFERENCE.body), 1_614_265_330_999)).toEqual({
    "webhook-id": REFERENCE.id,
    "webhook-timestamp": REFERENCE.timestamp,
    "webhook-signature": REFERENCE.signature,
  });
});

test("every secret signs, in its order, with a space between them (S32)", () => {
  const [one, two] = [secretOf(24), secretOf(64)];
  const body = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);

  const signature = createSigner([one, two])("id", body, 5_000)["webhook-signature"];

  const expected = [one, two].map((secret) => {
    const hmac = createHmac("sha256", Buffer.from(secret.slice(6), "base64"));
    return `v1,${hmac.update(Buffer.concat([Buffer.from("id.5."), body])).digest("base64")}`;
  });
  expect(signature).toBe(expected.join(" "));
});

test.each([
  ["nothing", "", "must start with whsec_"],
  ["no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must start with whsec_"],
  ["a key pair's secret", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must start with whsec_"],
  ["no key", "whsec_", "24 to 64 bytes, and holds 0"],
  ["23 bytes", secretOf(23), "24 to 64 bytes, and holds 23"],
  ["65 bytes", secretOf(65), "24 to 64 bytes, and holds 65"],
  ["no padding", secretOf(25).replace(/=+$/, ""), "base64"],
  ["the URL's alphabet", `whsec_${Buffer.alloc(30, 0xfb).toString("base64url")}`, "base64"],
  ["a line feed at its end", `${secretOf(24)}\n`, "base64"],
  ["words", "whsec_my very secret secret that is long", "base64"],
])("a secret with %s is refused in words that do not show it (S32)", (_, secret, words) => {
  expect(secretFault(secret)).toContain(words);
  if (secret.length > 6) expect(secretFault(secret)).not.toContain(secret.slice(6));
});

test("secrets of 24 to 64 bytes are taken (S32)", () => {
  expect([24, 25, 32, 64].map((bytes) => secretFault(secretOf(bytes)))).toEqual(new Array(4).fill(undefined));
});

test("an id is the event's own where it can be signed, else always the same UUID (S32)", () => {
  const own = ["019aa4f2-0000-7000-8000-000000000001", "run-1:end", "msg_1/2"];
  const others = ["a.1614265330", "Grüße", "two words", "日本"];

  expect(own.map(messageId)).toEqual(own);
  expect(new Set(others.map(messageId)).size).toBe(others.length);
  for (const id of others) {
    expect(messageId(id)).toMatch(/^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(messageId(id)).toBe(messageId(id));
  }
});

test("a batch has the id of its events in their order, for ever (S32)", () => {
  expect(batchId(["a", "b"])).toBe("b7eeda49-a989-5ad8-8051-5c5c06faff3a");
  expect(new Set([batchId(["a", "b"]), batchId(["b", "a"]), batchId(["a"]), batchId(["ab"])]).size).toBe(4);
  expect(batchId(["a"])).not.toBe(messageId("a"));
});
