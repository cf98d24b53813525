import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemDisk } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openVerification } from "./verify.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-verify-"));
});

afterEach(() => rmSync(dataDir, { recursive: true }));

test("a directory without a spool is not good, it is an error", async () => {
  await expect(openVerification({ dataDir, disk: systemDisk })).rejects.toMatchObject({
    code: "SPOOL_ABSENT",
    exit: 74,
  });
});

test("a directory that cannot be read is an error with a sentence, and no bug", async () => {
  // Reading a directory fails for every user, root as well.
  mkdirSync(join(dataDir, "routes.json"));

  await expect(openVerification({ dataDir, disk: systemDisk })).rejects.toMatchObject({
    code: "DATA_DIR_UNREADABLE",
    exit: 77,
  });
});
