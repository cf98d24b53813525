import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compactJson, membersOf } from "./json-members.ts";

test("the members of any object are its own text", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 4), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const { members } = membersOf(text);
      const again = members.map(({ name, raw }) => `"${name}":${raw}`).join(",");
      expect(JSON.parse(`{${again}}`)).toEqual(JSON.parse(text));
      expect(compactJson(text)).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { verbose: 1 },
  );
});

test("a text that is cut gives its whole members and the one that it was cut in", () => {
  const text = JSON.stringify({ model: "m", messages: [{ content: 'a "quote" \\' }], n: 1 });
  for (let end = 0; end < text.length; end++) {
    const { members } = membersOf(text.slice(0, end));
    for (const member of members.filter((each) => !each.isCut)) JSON.parse(member.raw);
    expect(members.filter((each) => each.isCut).length).toBeLessThanOrEqual(1);
  }
  expect(membersOf(text.slice(0, 40)).members).toMatchObject([
    { name: "model", raw: '"m"', isCut: false },
    { name: "messages", isCut: true },
  ]);
});

test("the depth of nesting is told, and text that is no JSON gives nothing", () => {
  expect(membersOf('{"a":[[{"b":1}]],"c":{}}').depth).toBe(3);
  expect(membersOf(`{"a":${"[".repeat(100_000)}`).depth).toBe(100_000);
  for (const text of ["", "[1]", "null", "{", '{"a', '{"a"', '{"a":', "{]", "}{"]) {
    expect(membersOf(text).members.filter((member) => !member.isCut)).toEqual([]);
  }
});
