import { expect, test } from "vitest";
import { usageInTail } from "./usage-in-tail.ts";

test("the usage at the end of a long answer is found, and a mention of it in the text is not", () => {
  const tail =
    'said \\"usage\\":{\\"prompt_tokens\\":9}"}],"usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}}';

  expect(usageInTail(tail)).toMatchObject({ input: 2, cacheRead: 1 });
  expect(usageInTail('said \\"usage\\":{}"')).toBeUndefined();
  expect(usageInTail('"usage":{"prompt_tokens":')).toBeUndefined();
});
