import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { processOf, systemProcessTable } from "./process-table.ts";

const { self } = systemProcessTable;

test("this process is alive, and a pid that was given to another is not this one", () => {
  expect(systemProcessTable.stateOf(self)).toBe("alive");
  expect(systemProcessTable.stateOf({ ...self, startedAt: "1" })).toBe("dead");
});

test("a process lives until it is killed", async () => {
  const program = `
    const { systemProcessTable } = await import(${JSON.stringify(import.meta.resolve("./process-table.ts"))});
    process.send(systemProcessTable.self);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [identity] = await once(child, "message");

  const before = systemProcessTable.stateOf(identity);
  child.kill("SIGKILL");
  await once(child, "exit");

  expect([before, systemProcessTable.stateOf(identity)]).toEqual(["alive", "dead"]);
});

test("whoever has a pid now is watched until its end, also while it waits to be looked at", async () => {
  // The child of somebody who never looks stays as a zombie.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
  const [line] = await once(parent.stdout, "data");
  const child = processOf(Number(line));

  const before = systemProcessTable.stateOf(child);
  process.kill(child.pid, "SIGKILL");
  const isLinux = child.startedAt !== undefined;
  if (isLinux) await vi.waitFor(() => expect(systemProcessTable.stateOf(child)).toBe("dead"), 5_000);
  parent.kill("SIGKILL");
  await once(parent, "exit");

  expect(before).toBe(isLinux ? "alive" : "unknown");
});

test("a process of another container or machine is unknown, and one before the restart is dead", () => {
  expect(systemProcessTable.stateOf({ ...self, pidNamespace: "pid:[1]" })).toBe("unknown");
  expect(systemProcessTable.stateOf({ ...self, bootId: "other", hostName: "elsewhere" })).toBe("unknown");
  expect(systemProcessTable.stateOf({ ...self, bootId: "other" })).toBe("dead");
});

test("where kernels have no boot id a process of another host is unknown", () => {
  const mac = { ...systemProcessTable, self: { pid: 1, hostName: "here" } };

  expect(mac.stateOf({ pid: 2 ** 30, hostName: "elsewhere" })).toBe("unknown");
  expect(mac.stateOf({ pid: 2 ** 30, hostName: "here" })).toBe("dead");
});
