import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { Tenant } from "./space-tenant.ts";
import { VOLUME_TOOLS, Volume } from "./space-volume.ts";

const MIB = 1024 * 1024;
const VOLUME_MIB = scaled({ test: 8, chaos: 64, soak: 64 });
const MAX_BYTES = VOLUME_MIB * MIB;
const EVENT_BYTES = 20_000;
const RECOVERED_MS = 10_000;
const missing = missingTools(...VOLUME_TOOLS);
const missingExt4 = missingTools(...VOLUME_TOOLS, "mkfs.ext4", "chattr", "findmnt");

let volume: Volume;
let tenant: Tenant | undefined;
afterEach(async () => {
  tenant?.close();
  await volume.close();
});

async function moveIn(backlog?: { readonly whenFull: "block" | "drop_oldest" }): Promise<Tenant> {
  tenant = undefined;
  tenant = await Tenant.moveIn(volume, { maxBytes: MAX_BYTES, ...(backlog && { backlog }) });
  return tenant;
}

/** Somebody else's file, which leaves so many bytes. */
const ballast = () => join(volume.path, "ballast");
function leaveOnly(bytes: number): void {
  writeFileSync(ballast(), Buffer.alloc(MAX_BYTES - bytes));
}

test.skipIf(missing)(
  `a full volume refuses by its reason, loses nothing acknowledged, and takes on when there is space (P6, T40)${missing}`,
  async () => {
    volume = await Volume.tmpfs(`size=${VOLUME_MIB}m`);
    const tenant = await moveIn();
    leaveOnly(VOLUME_MIB * 0.4 * MIB);

    const reason = await tenant.fill(EVENT_BYTES);
    expect(reason).toMatch(/the volume (is full|has \d+ bytes left)/);
    expect(await tenant.refusing()).toBeDefined();
    for (let count = 0; count < 20; count++) expect((await tenant.append(EVENT_BYTES)).status).toBe("full");
    rmSync(ballast());
    const recoveredMs = await tenant.recovered(RECOVERED_MS);
    expect(await tenant.balance()).toMatchObject({ accepted: tenant.acknowledged.length, dropped: {} });
    await tenant.leave();

    expect(await tenant.missing()).toEqual([]);
    expect(await tenant.problems()).toEqual([]);
    figure("P6", `full tmpfs of ${VOLUME_MIB} MiB, block: acknowledged events lost`, 0, "0");
    figure("P6", "full tmpfs: seconds until intake goes on after space is back", secs(recoveredMs), "≤ 10");
  },
  60_000,
);

test.skipIf(missing)(
  `on a full volume a sink that drops its oldest makes room, and every drop is counted (P6, P2, T40)${missing}`,
  async () => {
    volume = await Volume.tmpfs(`size=${VOLUME_MIB}m`);
    const tenant = await moveIn({ whenFull: "drop_oldest" });
    leaveOnly(VOLUME_MIB * 0.4 * MIB);

    const wanted = Math.ceil((VOLUME_MIB * 1.2 * MIB) / EVENT_BYTES);
    let refused = 0;
    // What is in flight is not dropped, so a source may have to come again until its try is over.
    for (const untilMs = performance.now() + 40_000; tenant.acknowledged.length < wanted; ) {
      if (performance.now() > untilMs) throw new Error(`still refused: ${await tenant.refusing()}`);
      if ((await tenant.append(EVENT_BYTES)).status === "appended") continue;
      refused++;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { accepted, pending, dropped } = await tenant.balance();
    expect(tenant.acknowledged.length).toBe(wanted);
    expect(accepted).toBe(wanted);
    expect(dropped["backlog_full"]).toBeGreaterThan(wanted / 3);
    expect(pending + (dropped["backlog_full"] ?? 0)).toBe(accepted);
    expect(tenant.warnings.filter((warning) => warning.includes("backlog_full")).length).toBeGreaterThan(0);
    await tenant.leave();

    // What is gone is the oldest, and all of it was counted.
    const gone = await tenant.missing();
    expect(gone).toEqual(tenant.acknowledged.slice(0, gone.length));
    expect(gone.length).toBeLessThanOrEqual(dropped["backlog_full"] ?? 0);
    expect(await tenant.problems()).toEqual([]);
    figure("P6", `full tmpfs of ${VOLUME_MIB} MiB, drop_oldest: events lost that were not counted`, 0, "0");
    figure("P6", "full tmpfs, drop_oldest: events refused per event taken", share(refused, wanted), "few");
  },
  60_000,
);

test.skipIf(missing)(
  `without inodes nothing is lost, health says so all the time, and intake goes on when there are some (P6, T42)${missing}`,
  async () => {
    volume = await Volume.tmpfs(`size=${VOLUME_MIB}m,nr_inodes=60`);
    const tenant = await moveIn();
    await tenant.append(EVENT_BYTES);
    const used = useUpInodes();

    const reason = await tenant.fill(EVENT_BYTES);
    expect(reason).toMatch(/volume is full: ENOSPC/);
    const untilMs = performance.now() + 2_500;
    while (performance.now() < untilMs) {
      expect(await tenant.refusing()).toBeDefined();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const path of used) rmSync(path);
    const recoveredMs = await tenant.recovered(RECOVERED_MS);
    await tenant.leave();

    expect(await tenant.missing()).toEqual([]);
    expect(await tenant.problems()).toEqual([]);
    figure("P6", "full inode table: acknowledged events lost", 0, "0");
    figure("P6", "full inode table: seconds until intake goes on", secs(recoveredMs), "≤ 10");
  },
  60_000,
);

test.skipIf(missingExt4)(
  `files that may not be changed (chattr +i) are refused by their reason, and taken up again (P6, T42)${missingExt4}`,
  async () => {
    volume = await Volume.ext4(VOLUME_MIB);
    const tenant = await moveIn();
    for (let count = 0; count < 10; count++) await tenant.append(EVENT_BYTES);

    await volume.run("chattr -R +i data/spool");
    const reason = await tenant.fill(EVENT_BYTES);
    expect(reason).toMatch(/EPERM|not permitted/);
    expect(await tenant.refusing()).toBeDefined();
    await volume.run("chattr -R -i data/spool");
    const recoveredMs = await tenant.recovered(RECOVERED_MS);
    await tenant.leave();

    expect(await tenant.missing()).toEqual([]);
    expect(await tenant.problems()).toEqual([]);
    figure("P6", "chattr +i on the spool: acknowledged events lost", 0, "0");
    figure("P6", "chattr +i: seconds until intake goes on", secs(recoveredMs), "≤ 10");
  },
  60_000,
);

test.skipIf(missingExt4)(
  `a file system that turns read-only refuses by its reason, and has every acknowledged event (P6, T42)${missingExt4}`,
  async () => {
    volume = await Volume.ext4(VOLUME_MIB);
    const tenant = await moveIn();
    for (let count = 0; count < 10; count++) await tenant.append(EVENT_BYTES);

    // What the kernel does by errors=remount-ro, while files are open. Only unmounting ends it.
    await volume.run("mount -o remount,errors=remount-ro .");
    await volume.run('echo 1 > "/sys/fs/ext4/$(basename $(findmnt -n -o SOURCE .))/trigger_fs_error"');
    const startMs = performance.now();
    const reason = await tenant.fill(EVENT_BYTES);
    expect(reason).toMatch(/EROFS|read-only/);
    for (let count = 0; count < 20; count++) await tenant.append(EVENT_BYTES);
    expect(performance.now() - startMs, "no append waits").toBeLessThan(5_000);
    expect(await tenant.refusing()).toMatch(/EROFS|read-only/);
    await tenant.leave();

    expect(await tenant.missing()).toEqual([]);
    figure("P6", "file system turned read-only: acknowledged events lost", 0, "0");
  },
  60_000,
);

function useUpInodes(): string[] {
  const used: string[] = [];
  try {
    for (;;) {
      const path = join(volume.path, `inode-${used.length}`);
      writeFileSync(path, "");
      used.push(path);
    }
  } catch {
    return used;
  }
}

function secs(durationMs: number): string {
  return (durationMs / 1_000).toFixed(1);
}

function share(part: number, whole: number): string {
  return (part / whole).toFixed(3);
}
