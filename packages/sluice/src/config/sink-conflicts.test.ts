import { expect, test } from "vitest";
import { sinks as definitions } from "../sinks/registry.ts";
import { sinkProblem } from "./sink-conflicts.ts";

const file = (name: string, path = "events.jsonl") => ({ name, type: "file", params: { path } });
const problemOf = (...sinks: (ReturnType<typeof file> & { was?: string })[]) =>
  sinkProblem(sinks, definitions, "/data");

test("sinks with names and paths of their own are right", () => {
  const problem = problemOf(file("a"), file("b", "b.jsonl"), file("c", "/logs/{user}.jsonl"));

  expect(problem).toBeUndefined();
});

test("the assembler's name is refused, because its ledger has it", () => {
  expect(problemOf(file("assembler"))).toBe(
    'A sink cannot be called "assembler": sluice has a route of that name.',
  );
});

test("a sink cannot take over the assembler's place", () => {
  expect(problemOf({ ...file("a"), was: "assembler" })).toBe(
    'The sink "a" cannot have been "assembler": that is no sink\'s route.',
  );
});

test("two sinks of one name are refused", () => {
  expect(problemOf(file("a"), file("a", "other.jsonl"))).toContain('Two sinks are called "a"');
});

test("two sinks that would overwrite each other's file are refused, however the path is spelt", () => {
  for (const other of ["events.jsonl", "./x/../events.jsonl", "/data/events.jsonl"]) {
    expect(problemOf(file("a"), file("b", other))).toBe(
      'The sinks "a" and "b" both write to /data/events.jsonl. Give each its own path.',
    );
  }
});

test("a sink may not write over what sluice keeps for itself", () => {
  for (const path of ["sluice.log", "spool/x.jsonl", "owner.db", "/data/ledgers/a", "daemon.json"]) {
    expect(problemOf(file("a", path))).toContain("sluice keeps its own data there");
  }
});
