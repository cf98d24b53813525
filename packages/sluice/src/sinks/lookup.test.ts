import type { LookupAddress } from "node:dns";
import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { createLookup, type Resolve } from "./lookup.ts";

const A: LookupAddress = { address: "127.0.0.1", family: 4 };
const B: LookupAddress = { address: "::1", family: 6 };

function rig(resolve: Resolve) {
  const clock = new ManualClock();
  const lookup = createLookup(clock, resolve);
  const ask = (hostname: string, all = true) =>
    new Promise((settle, reject) =>
      lookup(hostname, { all }, (error, address, family) => {
        if (error) reject(error);
        else settle(all ? address : { address, family });
      }),
    );
  return { clock, ask };
}

test("a name that has moved is found at its new place", async () => {
  const answers = [[A], [B]];
  const { clock, ask } = rig(async () => answers.shift() ?? []);

  expect(await ask("backend")).toEqual([A]);
  expect(await ask("backend")).toEqual([B]);
  expect(clock.timers).toBe(0);
});

test("one address is given where one was asked for", async () => {
  const { ask } = rig(async () => [B, A]);

  expect(await ask("backend", false)).toEqual(B);
});

test("connections that are made together ask once, each host for itself", async () => {
  const asked: string[] = [];
  const { ask } = rig(async (hostname) => {
    asked.push(hostname);
    return [A];
  });

  await Promise.all([ask("backend"), ask("backend"), ask("other"), ask("backend")]);

  expect(asked).toEqual(["backend", "other"]);
});

test("a resolver that hangs is given up after 5 seconds, and not asked again while it hangs", async () => {
  const hanging = Promise.withResolvers<readonly LookupAddress[]>();
  let asked = 0;
  const { clock, ask } = rig(() => {
    asked++;
    return hanging.promise;
  });

  for (const _round of [1, 2]) {
    const given = expect(ask("backend")).rejects.toThrow("no address for backend within 5 s");
    await clock.advance(5_000);
    await given;
  }
  const late = ask("backend");
  hanging.resolve([A]);

  expect(await late).toEqual([A]);
  expect(asked).toBe(1);
  expect(clock.timers).toBe(0);
});

test("a name that is not known now is asked for again", async () => {
  const answers = [() => Promise.reject(new Error("getaddrinfo ENOTFOUND backend")), async () => [A]];
  const { ask } = rig(() => answers.shift()?.() ?? Promise.reject(new Error("asked too often")));

  await expect(ask("backend")).rejects.toThrow("ENOTFOUND");
  expect(await ask("backend")).toEqual([A]);
});
