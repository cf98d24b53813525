import { expect, test } from "vitest";
import { headersFault, secretsIn } from "./own-headers.ts";

test.each([
  [{ "x a": "1" }, "a name that no header can have"],
  [{ "": "1" }, "a name that no header can have"],
  [{ "x\r\ny": "1" }, "a name that no header can have"],
  [{ "x-a": "1\r\nhost: b" }, "not printable ASCII"],
  [{ "x-a": "Grüße" }, "not printable ASCII"],
  [{ "Webhook-Id": "1" }, "cannot set Webhook-Id"],
  [{ "Content-Type": "text/plain" }, "cannot set Content-Type"],
  [{ "content-length": "1" }, "cannot set content-length"],
  [{ host: "a" }, "cannot set host"],
  [{ "Transfer-Encoding": "chunked" }, "cannot set Transfer-Encoding"],
  [{ "X-A": "1", "x-a": "2" }, "has x-a twice"],
])("headers %j are refused at the start (S31)", (headers, words) => {
  expect(headersFault(headers as Record<string, string>)).toContain(words);
});

test("ordinary headers are taken (S31)", () => {
  expect(headersFault({ Authorization: "Bearer abc", "X-Team": "blue ~", "x-empty": "" })).toBeUndefined();
});

test("a header's value and the words in it are secrets, unless too short to be one (S25)", () => {
  expect(secretsIn({ authorization: "Bearer abcdefgh", "x-team": "1" })).toEqual([
    "Bearer abcdefgh",
    "abcdefgh",
  ]);
});
