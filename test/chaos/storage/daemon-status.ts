import { readFileSync } from "node:fs";
import { join } from "node:path";
import { balanceHolds, eventually, type House } from "../../e2e/daemon.ts";

type Sinks = Awaited<ReturnType<House["sinks"]>>;

/** What `sluice status --json` says of the sinks, asked for without a process. */
export async function sinksNow(house: House): Promise<Sinks> {
  const { url, token } = JSON.parse(readFileSync(join(house.dataDir, "daemon.json"), "utf8"));
  const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${token}` } });
  const status = (await response.json()) as { readonly sinks: Sinks };
  return status.sinks;
}

export async function sinkNow(house: House, name: string): Promise<Sinks[number]> {
  const found = (await sinksNow(house)).find((sink) => sink.name === name);
  if (!found) throw new Error(`there is no sink ${name}`);
  return found;
}

/** Waits until every sink has everything. The balances hold all the while. */
export async function drained(house: House): Promise<void> {
  await eventually(async () => {
    const sinks = await sinksNow(house);
    const wrong = sinks.filter(({ balance }) => !balanceHolds(balance));
    if (wrong.length > 0) throw new Error(`a balance does not hold: ${JSON.stringify(wrong)}`);
    return sinks.every(({ balance }) => balance.pending === 0) ? true : undefined;
  }, 180_000);
}
