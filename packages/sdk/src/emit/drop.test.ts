import { expect, test } from "vitest";
import { dropTeller, messageOf } from "./drop.ts";

test("an onDrop that throws harms nobody", () => {
  const counts: number[] = [];
  const tell = dropTeller((count) => {
    counts.push(count);
    throw new Error("no");
  });

  tell(1, "closed");
  tell(2, "closed");

  expect(counts).toEqual([1, 2]);
});

test("no events are no drop, and nobody need listen", () => {
  const counts: number[] = [];

  dropTeller((count) => counts.push(count))(0, "closed");
  dropTeller(undefined)(1, "closed");

  expect(counts).toEqual([]);
});

test("whatever is thrown has a message", () => {
  const hostile = {
    toString() {
      throw new Error("no");
    },
  };

  const messages = [new Error("disk gone"), "text", undefined, Object.create(null), hostile].map(messageOf);

  expect(messages.slice(0, 3)).toEqual(["disk gone", "text", "undefined"]);
  expect(messages.slice(3)).toEqual(Array(2).fill("something was thrown that cannot be printed"));
});
