import {
  codeOf,
  type Disk,
  type DiskFile,
  decodeSpillHeader,
  type FileState,
  type ProcessTable,
  SPILL_HEADER_BYTES_MAX,
  spillStateOf,
} from "@sluice/sdk/internal";
import type { SilenceWatch } from "./silence-watch.ts";

/** A file that nobody writes any more, open for reading. Whoever gets it closes it. */
export interface DeadFile {
  readonly file: DiskFile;
  readonly sizeBytes: number;
  /** Where the first line begins that may be wanted. */
  readonly from: number;
}

export type OpenedFile =
  | { readonly status: "mine"; readonly file: DeadFile }
  /** Its writer lives, or may live. */
  | { readonly status: "busy" }
  /** To be left alone. */
  | { readonly status: "foreign"; readonly reason: string };

export interface OpenContext {
  readonly disk: Disk;
  readonly processes: ProcessTable;
  readonly silence: SilenceWatch;
}

/** Opens a file if it may be adopted. Rejects with Node's error. */
export async function openSpillFile(context: OpenContext, path: string, name: string): Promise<OpenedFile> {
  let file: DiskFile;
  try {
    file = await context.disk.open(path, "read");
  } catch (error) {
    // Its writer was done with it meanwhile.
    if (codeOf(error) === "ENOENT") return { status: "busy" };
    throw error;
  }
  const opened = await examine(context, file, name).catch((error: unknown) => ({
    status: "failed" as const,
    error,
  }));
  if (opened.status !== "mine") await file.close();
  if (opened.status === "failed") throw opened.error;
  return opened;
}

async function examine(context: OpenContext, file: DiskFile, name: string): Promise<OpenedFile> {
  const state = await file.stat();
  // Somebody else's file under our name, or a name planted for another of our files.
  if (state.isOrdinary === false) return { status: "foreign", reason: "it is no ordinary file" };
  if (state.isOwn === false) return { status: "foreign", reason: "it belongs to another user" };
  const start = Buffer.alloc(Math.min(state.sizeBytes, SPILL_HEADER_BYTES_MAX));
  const count = await file.read(start, 0);
  const header = decodeSpillHeader(start.subarray(0, count));
  if (header === "foreign") return { status: "foreign", reason: "it is no spill file of this version" };
  const isDead = spillStateOf(name) === "left" || isOver(context, header, name, state);
  if (!isDead) return { status: "busy" };
  const from = header === "torn" ? state.sizeBytes : Math.min(header.done, state.sizeBytes);
  return { status: "mine", file: { file, sizeBytes: state.sizeBytes, from } };
}

/** A header that is not whole names nobody: then silence decides. */
function isOver(
  { processes, silence }: OpenContext,
  header: Exclude<ReturnType<typeof decodeSpillHeader>, "foreign">,
  name: string,
  state: FileState,
): boolean {
  switch (header === "torn" ? "unknown" : processes.stateOf(header.writer)) {
    case "alive":
      return false;
    case "dead":
      return true;
    case "unknown":
      return silence.isSilent(name, state);
  }
}
