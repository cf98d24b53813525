import { expect, test } from "vitest";
import { otlpHeaders } from "./otlp-headers.ts";

test.each<[string | undefined, object]>([
  [undefined, {}],
  ["", {}],
  ["x-key=1, Authorization=Bearer%20abc=", { "x-key": "1", Authorization: "Bearer abc=" }],
  ["broken,=x,a=100%", { a: "100%" }],
])("the variable %j gives the headers %j", (variable, headers) => {
  expect(otlpHeaders(variable)).toEqual(headers);
});
