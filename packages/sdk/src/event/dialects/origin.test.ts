import { expect, test } from "vitest";
import { decodeEvent } from "../codec.ts";
import type { Event } from "../event.ts";
import { DIALECTS } from "./dialects.ts";
import { asItCame } from "./origin.ts";

test.each(DIALECTS)("an origin of $name that a sender made up is none where it is in no form", (dialect) => {
  const kinds = ["run.started", "run.ended", "session.updated", "order.placed"];
  const forms = [
    '"keys":5',
    '"keys":[1]',
    '"keys":["type"],"rest":5',
    '"rest":[]',
    '"keys":null',
    '"rest":null',
  ];

  for (const kind of kinds) {
    const event: Event = {
      ...{ id: "e-1", kind, time: "2026-11-21T05:00:00Z", runId: "r", data: { a: 1 } },
      ...{ session: { connector: "c", nativeId: "n" }, run: { type: "llm", status: "ok" } },
    };
    for (const form of forms) {
      const text = JSON.stringify({ ...event, origin: 0 }).replace(
        /0\}$/,
        `{"dialect":"${dialect.name}",${form}}}`,
      );

      expect(dialect.write(decodeEvent(Buffer.from(text)))).toEqual(dialect.write(event));
    }
  }
});

test("a key has the value of its own member, whatever every object inherits", () => {
  const origin = { dialect: "any", keys: ["constructor", "a", "__proto__"], rest: { a: 1 } };

  const payload = asItCame({}, origin, () => ({}));

  expect(JSON.stringify(payload)).toBe('{"a":1}');
});
