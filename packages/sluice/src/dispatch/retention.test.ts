import { expect, test } from "vitest";
import { holderOf } from "./retention.ts";

test("the sink that has the most to take is named, and none where all is settled", () => {
  const [file, lunary] = [
    { sink: "file", lag: 3 },
    { sink: "lunary", lag: 40 },
  ];

  expect(holderOf([file, lunary])).toBe('the sink "lunary" has yet to take 40 records');
  expect(holderOf([{ sink: "file", lag: 0 }])).toBeUndefined();
});
