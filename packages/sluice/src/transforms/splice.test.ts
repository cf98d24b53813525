import { decodeEvent } from "@sluice/sdk/internal";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withRunMembers } from "./splice.ts";

const MORE = '"cost":{"totalUsd":1},';

function spliced(text: string): string {
  return Buffer.from(withRunMembers(Buffer.from(text), MORE)).toString();
}

describe("the members go into the run that counts, and every other byte stays", () => {
  test.each([
    ["at the end", '{"id":"a","run":{«"type":"llm"}}'],
    ["in front", '{"run":{«"type":"llm"},"id":"a"}'],
    ["with white space", '{ "run" : {« "type" : "llm" } }'],
    ["behind another of its name, deeper", '{"metadata":{"run":{"a":1}},"run":{«"type":"llm"}}'],
    ["before another of its name, deeper", '{"run":{«"type":"llm","x":{"run":{"a":1}}},"data":{"run":{}}}'],
    ["behind a text that looks like one", '{"id":"\\",\\"run\\":{","run":{«"type":"llm"}}'],
    ["behind a value that looks like the key", '{"id":"run","tags":["run"],"run":{«"type":"llm"}}'],
    ["twice: the last one counts (E7)", '{"run":{"type":"tool"},"run":{«"type":"llm"}}'],
    ["twice, the last one escaped", '{"run":{"type":"tool"},"\\u0072\\u0075n":{«"type":"llm"}}'],
    ["behind backslashes", '{"id":"a\\\\\\\\","metadata":{"x":"\\\\\\""},"run":{«"type":"llm"}}'],
    ["before brackets in a text", '{"run":{«"type":"llm","request":{"input":"}}]]{"}},"id":"é"}'],
  ])("%s", (_name, text) => {
    expect(spliced(text.replace("«", ""))).toBe(text.replace("«", MORE));
  });
});

test("any event reads as before, but for what was added", () => {
  const seed = 20_261_121;
  const name = fc.oneof(fc.constantFrom("run", 'r"un', "{", "\\", "id"), fc.string());
  const rest = fc.dictionary(name, fc.jsonValue(), { maxKeys: 4 });
  fc.assert(
    fc.property(rest, rest, rest, (before, run, after) => {
      const { run: _before, ...head } = before;
      const { run: _after, ...tail } = after;
      const { cost: _cost, ...members } = run;
      const event = { ...head, run: { type: "llm", ...members }, ...tail };

      const result = JSON.parse(spliced(JSON.stringify(event)));

      expect(result).toEqual(
        JSON.parse(JSON.stringify({ ...event, run: { cost: { totalUsd: 1 }, ...event.run } })),
      );
    }),
    { seed, numRuns: 500 },
  );
});

test("numbers keep their text", () => {
  const event = Buffer.from('{"run":{"type":"llm","x":1.0},"data":9007199254740993}');

  const text = JSON.stringify(decodeEvent(withRunMembers(event, MORE)));

  expect(text).toBe('{"run":{"cost":{"totalUsd":1},"type":"llm","x":1.0},"data":9007199254740993}');
});

test("an event without a run is a mistake of ours", () => {
  expect(() => spliced('{"id":"a","runs":{}}')).toThrow("no run");
});
