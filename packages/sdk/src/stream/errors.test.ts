import { expect, test } from "vitest";
import { isInvalidEvent, isStreamClosed, isStreamFull, isStreamNotFound, StreamError } from "./errors.ts";

const QUESTIONS = { isStreamClosed, isStreamFull, isStreamNotFound, isInvalidEvent };

test.each([
  ["isStreamClosed", "closed"],
  ["isStreamFull", "full"],
  ["isStreamNotFound", "not_found"],
  ["isInvalidEvent", "invalid"],
] as const)("%s is true for %s and for no other code", (name, code) => {
  const codes = ["closed", "full", "not_found", "exists", "invalid", "aborted", "timeout"] as const;

  const yes = codes.filter((one) =>
    QUESTIONS[name](new StreamError({ streamId: "s", operation: "send", code: one, message: "m" })),
  );

  expect(yes).toEqual([code]);
});

test("whatever is not a StreamError is none of them, and is not touched", () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const touchy = {
    get code(): string {
      throw new Error("touched");
    },
  };
  const lookalike = { name: "StreamError", code: "closed", streamId: "s", operation: "send" };
  const values = [
    undefined,
    null,
    0,
    "closed",
    () => {},
    {},
    lookalike,
    touchy,
    revoked,
    new Error("closed"),
  ];

  for (const isIt of Object.values(QUESTIONS)) expect(values.filter((value) => isIt(value))).toEqual([]);
});

test("an error tells the stream, the operation, the code and the cause", () => {
  const cause = new Error("the reader went away");

  const error = new StreamError({ streamId: "s-1", operation: "send", code: "aborted", message: "m", cause });

  expect(error).toMatchObject({
    name: "StreamError",
    streamId: "s-1",
    operation: "send",
    code: "aborted",
    cause,
  });
  expect(error).toBeInstanceOf(Error);
});
