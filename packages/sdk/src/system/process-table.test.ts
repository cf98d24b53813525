import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { systemProcessTable } from "./process-table.ts";

const { self } = systemProcessTable;

test("this process is alive, and a pid that was given to another is not this one", () => {
  expect(systemProcessTable.stateOf(self)).toBe("alive");
  expect(systemProcessTable.stateOf({ ...self, startedAt: "1" })).toBe("dead");
});

test("a process that was killed is dead, also before anybody has waited for it", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const identity = { ...self, pid: child.pid ?? 0, startedAt: "0" };

  child.kill("SIGKILL");
  await once(child, "exit");

  expect(systemProcessTable.stateOf(identity)).toBe("dead");
});

test("a process of another container or machine is unknown, and one before the restart is dead", () => {
  expect(systemProcessTable.stateOf({ ...self, pidNamespace: "pid:[1]" })).toBe("unknown");
  expect(systemProcessTable.stateOf({ ...self, bootId: "other", hostName: "elsewhere" })).toBe("unknown");
  expect(systemProcessTable.stateOf({ ...self, bootId: "other" })).toBe("dead");
});
