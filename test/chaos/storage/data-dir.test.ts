import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { sinkNow } from "./daemon-status.ts";
import { Source } from "./space-source.ts";

const ROUNDS = scaled({ test: 1, chaos: 5, soak: 100 });
const SAID_MS = 5_000;
const RECOVERED_MS = 10_000;
const missing = missingTools("linux");

let house: House;
afterEach(() => house.close());

async function begin(): Promise<string> {
  house = new House();
  house.configure(
    '[spool]\nmin_free = "1 MiB"\n\n[[sinks]]\nname = "file"\ntype = "file"\nretry = { max_wait = "1s" }\n',
  );
  return house.start();
}

async function refusalOf(url: string): Promise<string | undefined> {
  const answer = await fetch(`${url}/healthz?verbose`);
  const { reason } = (await answer.json()) as { readonly reason?: string };
  return answer.status === 503 ? reason : undefined;
}

test.skipIf(missing)(
  `a data directory that is moved away and back under load costs no acknowledged event (P6, T42)${missing}`,
  async () => {
    const url = await begin();
    const source = new Source("moved", 2_000);
    const away = `${house.dataDir}.away`;
    let saidMs = 0;
    let recoveredMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const stop = new AbortController();
      const sending = source.sendUntil(url, stop.signal);
      const before = source.acknowledged.length;
      await eventually(() => (source.acknowledged.length > before + 20 ? true : undefined), 10_000);

      renameSync(house.dataDir, away);
      const movedMs = performance.now();
      expect(await eventually(() => refusalOf(url), SAID_MS)).toMatch(/was moved, removed or replaced/);
      saidMs = Math.max(saidMs, performance.now() - movedMs);
      const { acknowledged } = source;
      const count = acknowledged.length;
      const usedMs = await cpuMsOver(away, 1_000);
      expect(usedMs, "no tight loop").toBeLessThan(700);
      expect(acknowledged.length, "nothing is acknowledged meanwhile").toBe(count);

      renameSync(away, house.dataDir);
      const backMs = performance.now();
      await eventually(() => (acknowledged.length > count ? true : undefined), RECOVERED_MS);
      recoveredMs = Math.max(recoveredMs, performance.now() - backMs);
      stop.abort();
      await sending;
    }
    await eventually(
      async () => ((await sinkNow(house, "file")).balance.pending === 0 ? true : undefined),
      60_000,
    );
    const delivered = new Set(house.lines().map(({ id }) => id));
    expect(source.acknowledged.filter((id) => !delivered.has(id))).toEqual([]);
    await house.stop();
    const verified = await house.run("verify");
    expect(verified.exit, verified.stderr).toBe(0);
    figure("P6", `data directory moved away and back ${ROUNDS} times: acknowledged events lost`, 0, "0");
    figure("P6", "data directory moved away: seconds until health says so", secs(saidMs), "≤ 5");
    figure("P6", "data directory moved back: seconds until intake goes on", secs(recoveredMs), "≤ 10");
  },
  ROUNDS * 60_000,
);

test.skipIf(missing)(
  `a data directory that is removed is refused and said within seconds, and stays so (P6, T42)${missing}`,
  async () => {
    const url = await begin();
    const source = new Source("removed", 2_000);
    for (let count = 0; count < 20; count++) expect(await source.send(url)).toBe(true);

    rmSync(house.dataDir, { recursive: true });
    expect(await eventually(() => refusalOf(url), SAID_MS)).toMatch(/was moved, removed or replaced/);

    for (let count = 0; count < 20; count++) expect(await source.send(url)).toMatch(/moved, removed/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    figure("P6", "data directory removed: events acknowledged after health said so", 0, "0");
  },
  60_000,
);

/** The processor time of the daemon over so long. */
async function cpuMsOver(dataDir: string, durationMs: number): Promise<number> {
  const { pid } = JSON.parse(readFileSync(join(dataDir, "daemon.json"), "utf8"));
  const ticks = () => {
    const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const fields = rest.split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = ticks();
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  return (ticks() - before) * 10;
}

function secs(durationMs: number): string {
  return (durationMs / 1_000).toFixed(1);
}
