import { arch, cpus, type } from "node:os";
import type { Row } from "./rows.ts";
import { type Client, isSilent, type Outcome } from "./trial.ts";

/** One row against one client; without an outcome the two do not fit. */
export interface Trial {
  readonly row: Row;
  readonly client: Client;
  readonly outcome: Outcome | undefined;
}

/** docs/hostile.md: what was delivered, lost, sent again, said and used. */
export function hostilePage(
  rows: readonly Row[],
  clients: readonly Client[],
  trials: readonly Trial[],
): string {
  const table = (cell: (outcome: Outcome) => string) => [
    line(["the backend is", ...clients.map(({ name }) => name)]),
    line(["---", ...clients.map(() => "---")]),
    ...rows.map((row) => line([row.title, ...clients.map((client) => cellOf(trials, row, client, cell))])),
  ];
  return `${[
    "# What hostile backends do to clients",
    "",
    "<!-- Written by `npm run hostile`. Do not edit. -->",
    "",
    ...WHAT_WAS_DONE,
    "",
    `One run each, on Node ${process.versions.node}, ${type()} ${arch()}, ${cpus().length} cores.`,
    "",
    line(["client", "installed", "at its real backend, an event that comes twice"]),
    line(["---", "---", "---"]),
    ...clients.map(({ name, installed, again }) => line([name, installed(), again])),
    "",
    "## Delivered, held, lost",
    "",
    "Of 200 events, 10,000 in the last row. *Held*: in the spool, and shown as pending with its cause. *Set aside*: a dead",
    "letter with the backend's words. *Lost*: none of these, with how many lines the client wrote, threw or called back about it;",
    "**silently**, if there was not one. What a backend refuses for good cannot be delivered: it can be set aside.",
    "",
    ...table(fate),
    "",
    "## Sent again",
    "",
    "Events that the backend took once more after it had taken them.",
    "",
    ...table(({ again }) => String(again)),
    "",
    "## Peak memory",
    "",
    "Of the process that has the events, in MB: the daemon's for sluice, the application's for everybody else.",
    "",
    ...table(({ peakBytes }) => (peakBytes === undefined ? "" : String(Math.round(peakBytes / 1_000_000)))),
  ].join("\n")}\n`;
}

const WHAT_WAS_DONE = [
  "Clients as they are published, with their default options, so without the debug output that some can be told to write.",
  "Each has a process of its own that emits events of about 700 bytes, 20 at a time, calls what its documentation gives for",
  "the end of a program, and ends. The backend is a stand-in on the same machine that speaks the client's protocol, and",
  "misbehaves. What an SDK has not delivered when its process ends is gone. The events of sluice were posted to its daemon",
  "(`POST /v1/events`, one lunary sink, 50 requests a second), which lives on: that is the difference. The rows are in",
  "test/hostile/rows.ts, the programs in test/projects.",
];

/** In the words of the page. */
export function fate(outcome: Outcome): string {
  const { delivered, held, setAside, lost, words } = outcome;
  const parts = [String(delivered)];
  if (held > 0) parts.push(`${held} held`);
  if (setAside > 0) parts.push(`${setAside} set aside`);
  if (lost > 0) parts.push(isSilent(outcome) ? `**${lost} lost silently**` : `${lost} lost, ${said(words)}`);
  return parts.join(", ");
}

function said(words: readonly string[]): string {
  return words.length === 1 ? "1 line" : `${words.length} lines`;
}

function cellOf(
  trials: readonly Trial[],
  row: Row,
  client: Client,
  cell: (outcome: Outcome) => string,
): string {
  const outcome = trials.find((trial) => trial.row === row && trial.client === client)?.outcome;
  return outcome ? cell(outcome) : "no such answer";
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
