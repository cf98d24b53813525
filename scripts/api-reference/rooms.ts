import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One page of the reference: the public names that come from the same part of the SDK. */
export interface Room {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** TypeScript that exports the room's names from where they are written. */
  readonly text: string;
}

const SDK = join(import.meta.dirname, "../../packages/sdk/src");

/**
 * Which page a name stands on, by the path it is exported from: the first that fits. A part of the SDK that no
 * row fits is an error, so that nothing is left out silently.
 */
const ROOMS: readonly (Omit<Room, "text"> & { readonly from: RegExp })[] = [
  {
    ...{ name: "events", title: "Events", from: /^event\/(?!dialects\/)/ },
    summary: "What an event is. The wire form is in [the specification](../../spec/event.md).",
  },
  {
    ...{ name: "emitters", title: "Emitters", from: /^emit\// },
    summary: "Where an application hands its events to, and what can be put together from that.",
  },
  {
    ...{ name: "streams", title: "Streams", from: /^stream\// },
    summary: "Events in order, from senders to any number of subscribers, inside one process and out of it.",
  },
  {
    ...{ name: "runs", title: "Runs", from: /^run\// },
    summary: "One unit of work, from its start to its end, and the runs below it.",
  },
  {
    ...{ name: "observe", title: "Observe", from: /^wrap\// },
    summary: "Clients of model providers whose calls become events by themselves.",
  },
  {
    ...{ name: "dialects", title: "Dialects", from: /^event\/dialects\// },
    summary: "Events in the forms that others gave them.",
  },
];

const EXPORT = /^export (type )?\{([^}]*)\} from "\.\/([^"]+)";$/gm;

/** The rooms that `index.ts` exports anything from. */
export function rooms(index = readFileSync(join(SDK, "index.ts"), "utf8")): readonly Room[] {
  const statements = [...index.matchAll(EXPORT)].map(([, type = "", names = "", path = ""]) => {
    const room = ROOMS.find(({ from }) => from.test(path));
    if (!room) throw new Error(`index.ts exports from ${path}, which has no page: give it one in rooms.ts.`);
    return { room, text: `export ${type}{${names}} from ${JSON.stringify(join(SDK, path))};` };
  });
  return ROOMS.map((room) => {
    const texts = statements.filter((statement) => statement.room === room).map(({ text }) => text);
    return { name: room.name, title: room.title, summary: room.summary, text: texts.join("\n") };
  }).filter((room) => room.text !== "");
}
