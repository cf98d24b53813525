import { expect, test } from "vitest";
import { textDeltaEvent, thinkingEvent, usageEvent } from "../event/dialects/stream/stream-event.ts";
import { sizeOf } from "./item-size.ts";

test.each([
  ["a text delta", textDeltaEvent("hello"), 133],
  ["a thought", thinkingEvent("hm"), 130],
  ["an event without text", usageEvent(1, 2, 3), 128],
  ["an event with other strings", { data: { name: "abc", arguments: "{}", index: 1 } }, 133],
  ["an object without data", {}, 128],
  ["an object whose data is a string", { data: "abc" }, 128],
  ["an object whose data is null", { data: null }, 128],
])("%s weighs 128 and its text", (_, item, sizeBytes) => {
  expect(sizeOf(item as object)).toBe(sizeBytes);
});

test("an object that throws when it is looked at weighs 128", () => {
  const touchy = {
    get data(): null {
      throw new Error("touched");
    },
  };

  expect(sizeOf(touchy)).toBe(128);
});
