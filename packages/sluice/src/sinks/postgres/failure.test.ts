import { expect, test } from "vitest";
import { failureOf, leavesConnection, TimedOut, Unusable } from "./failure.ts";

const server = (code: string, severity = "ERROR") =>
  Object.assign(new Error("said by PostgreSQL"), { name: "PostgresError", code, severity });
const wire = (code: string) => Object.assign(new Error("said by the wire"), { code });
const asIs = (words: string) => words;

test.each([
  ["08006", "retry"],
  ["25006", "retry"],
  ["40001", "retry"],
  ["40P01", "retry"],
  ["53100", "retry"],
  ["53300", "retry"],
  ["55P03", "retry"],
  ["57014", "retry"],
  ["57P01", "retry"],
  ["57P03", "retry"],
  ["58030", "retry"],
  ["XX000", "retry"],
  ["22003", "rejected"],
  ["22P05", "rejected"],
  ["23505", "rejected"],
  ["23514", "rejected"],
  ["P0001", "rejected"],
  ["54000", "tooLarge"],
  ["28000", "blocked"],
  ["28P01", "blocked"],
  ["3D000", "blocked"],
  ["3F000", "blocked"],
  ["42501", "blocked"],
  ["42P01", "blocked"],
])("PostgreSQL's %s means %s", (code, status) => {
  expect(failureOf(server(code), asIs)).toMatchObject({
    status,
    reason: expect.stringContaining(`PostgreSQL ${code}: said by PostgreSQL`),
  });
});

test.each([
  ["ECONNREFUSED", "retry"],
  ["ECONNRESET", "retry"],
  ["ENOTFOUND", "retry"],
  ["CONNECTION_CLOSED", "retry"],
  ["CONNECT_TIMEOUT", "retry"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "blocked"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "blocked"],
  ["SASL_SIGNATURE_MISMATCH", "blocked"],
])("%s of the wire means %s", (code, status) => {
  expect(failureOf(wire(code), asIs).status).toBe(status);
});

test("what is to be mended blocks with our sentence, and what took too long is tried again", () => {
  expect(failureOf(new Unusable("Mend me."), asIs)).toEqual({ status: "blocked", reason: "Mend me." });
  expect(failureOf(new TimedOut("Too long."), asIs)).toEqual({ status: "retry", reason: "Too long." });
});

test("a connection is used again after an answer of the server only", () => {
  const errors = [server("23505"), server("57P01", "FATAL"), wire("ECONNRESET"), new TimedOut("x")];

  expect(errors.map(leavesConnection)).toEqual([true, false, false, false]);
});
