import { startBackend } from "../../packages/sluice/src/testing/backend.ts";
import { openDoor } from "./door.ts";
import type { Row } from "./rows.ts";
import { indexOf, type OpenStore } from "./stores.ts";

/** Somebody who gets events from an application to a backend. */
export interface Client {
  readonly name: string;
  /** What of it is installed, with versions. */
  installed(): string;
  /** The backend that it speaks to. */
  readonly openStore: OpenStore;
  /** False if that backend has no answer that refuses a part of a request. */
  readonly canBeRefused: boolean;
  /** What its backend does with an event that comes again. */
  readonly again: "is kept once" | "counts twice";
  /** Emits the row's events, ends as its documentation says, and tells what is left. Bounded in time. */
  run(row: Row, url: string): Promise<Account>;
}

/** What a client can tell after a row. */
export interface Account {
  /** What it has said of trouble: written, thrown, called back, or shown in its status. */
  readonly words: readonly string[];
  /** Events that it still has, safely, and says so. */
  readonly held: number;
  /** Events that it has set aside for good, safely, and says so. */
  readonly setAside: number;
  /** Undefined if it did not live to tell. */
  readonly peakBytes: number | undefined;
}

/** What became of a row's events. */
export interface Outcome extends Account {
  readonly delivered: number;
  /** Neither delivered nor held nor set aside. */
  readonly lost: number;
  /** Events that the backend took once more after it had taken them. */
  readonly again: number;
}

/** Runs one row against one client; undefined if the two do not fit. */
export async function tryRow(row: Row, client: Client): Promise<Outcome | undefined> {
  if (row.refuses && !client.canBeRefused) return undefined;
  const store = client.openStore((id) => row.refuses?.(indexOf(id)) ?? false);
  const backend = await startBackend({ answer: (request) => row.always?.(request) ?? store.answer(request) });
  backend.script(...(row.first?.(store.answer) ?? []));
  const door = row.downMs === undefined ? undefined : await openDoor(backend.url, row.downMs);
  try {
    const account = await client.run(row, door?.url ?? backend.url);
    return outcomeOf(row, account, store.taken);
  } finally {
    await door?.close();
    await backend.close();
  }
}

/** Something is lost, and nobody was told. */
export function isSilent({ lost, words }: Outcome): boolean {
  return lost > 0 && words.length === 0;
}

function outcomeOf(row: Row, account: Account, taken: ReadonlyMap<string, number>): Outcome {
  let arrivals = 0;
  for (const count of taken.values()) arrivals += count;
  const delivered = taken.size;
  const lost = Math.max(0, row.events - delivered - account.held - account.setAside);
  return { ...account, delivered, lost, again: arrivals - delivered };
}
