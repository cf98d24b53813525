import { expect, test } from "vitest";
import { loadDataDir } from "./load.ts";

const FILE = "/ada/shop/sluice.toml";

test("the data directory is found while the rest of a configuration is not right, or lacks its secrets", async () => {
  const secret = "$" + "{env:ABSENT}";
  const broken = `[spool]\ndata_dir = "data"\nkeep = 1\n[[sinks]]\napi_key = "${secret}"\n`;

  expect(await dataDir(broken)).toBe("/ada/shop/data");
  expect(await dataDir(broken, { SLUICE_DATA_DIR: "/there" })).toBe("/there");
  expect(await dataDir("", { STATE_DIRECTORY: "/var/lib/sluice" })).toBe("/var/lib/sluice");
});

test("a file that may hide the data directory is refused, unless a flag names it", async () => {
  await expect(dataDir("[spool")).rejects.toThrow(`${FILE}:1`);
  await expect(dataDir("[spool]\ndata_dir = 5")).rejects.toThrow("spool.data_dir");
  expect(await dataDir("[spool", {}, { dataDir: "here" })).toBe("/ada/shop/here");
});

function dataDir(text: string, env: Readonly<Record<string, string>> = {}, flags: { dataDir?: string } = {}) {
  const readText = async (path: string): Promise<string> => {
    if (path === FILE) return text;
    throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  };
  return loadDataDir({ cwd: "/ada/shop", env: { HOME: "/ada", ...env }, flags, readText });
}
