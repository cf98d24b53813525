import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { installProjects } from "../projects.ts";
import { CLIENTS } from "./clients.ts";
import { fate, hostilePage, type Trial } from "./page.ts";
import { PROJECTS } from "./program-client.ts";
import { ROWS, type Row } from "./rows.ts";
import { type Client, type Outcome, tryRow } from "./trial.ts";

/**
 * `npm run hostile [-- NAME …]`: every row against every client, or the rows and clients of those names. A
 * whole run writes docs/hostile.md. It fails if sluice lost an event, or made a backend count one twice.
 */
const ROOT = join(import.meta.dirname, "../..");
const PAGE = join(ROOT, "docs/hostile.md");
/** They mostly wait. More at a time would make them wait for each other. */
const AT_A_TIME = 3;
/** Nothing begins after that, so that the whole takes ten minutes at the most. */
const BEGINS_WITHIN_MS = 7 * 60_000;
/** Enough to know an error by. */
const SHOWN_LENGTH_MAX = 160;

const names = process.argv.slice(2);
const rows = chosen(ROWS);
const clients = chosen(CLIENTS);
await installProjects(PROJECTS);

const waiting = rows.flatMap((row) => clients.map((client) => ({ row, client })));
const trials: Trial[] = [];
const startedAtMs = performance.now();
// All of them, also after a failure: else their daemons would be left.
const ends = await Promise.allSettled(Array.from({ length: AT_A_TIME }, work));
for (const end of ends) if (end.status === "rejected") throw end.reason;
if (waiting.length > 0) throw new Error(`no time was left for ${waiting.length} of the trials`);
if (names.length === 0) writeFileSync(PAGE, hostilePage(ROWS, CLIENTS, trials));
const failed = trials.filter((trial) => trial.client.name === "sluice" && isBad(trial));
for (const { row } of failed) process.stderr.write(`sluice failed where the backend was: ${row.title}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  while (performance.now() < startedAtMs + BEGINS_WITHIN_MS) {
    const next = waiting.shift();
    if (!next) return;
    const outcome = await tryRow(next.row, next.client);
    trials.push({ ...next, outcome });
    process.stdout.write(
      `${next.row.name} ${next.client.name}: ${outcome ? told(outcome) : "no such answer"}\n`,
    );
  }
}

/** Those that were asked for; all, if none of this kind was. */
function chosen<Named extends Row | Client>(all: readonly Named[]): readonly Named[] {
  const some = all.filter(({ name }) => names.includes(name));
  return some.length > 0 ? some : all;
}

function told(outcome: Outcome): string {
  const again = outcome.again > 0 ? `, ${outcome.again} again` : "";
  const words = outcome.words[0] === undefined ? "" : ` (${outcome.words[0].slice(0, SHOWN_LENGTH_MAX)})`;
  return `${fate(outcome)}${again}${words}`;
}

/** Neither delivered nor held and said so, or there twice. */
function isBad({ client, outcome }: Trial): boolean {
  if (!outcome) return false;
  const { lost, held, setAside, again, words } = outcome;
  const isUnsaid = held + setAside > 0 && words.length === 0;
  return lost > 0 || isUnsaid || (again > 0 && client.again === "counts twice");
}
