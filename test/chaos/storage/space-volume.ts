import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** What a volume of its own takes; "root" because mounting does. */
export const VOLUME_TOOLS = ["linux", "root", "unshare", "nsenter", "mount", "tail"] as const;

/**
 * A real volume in a mount namespace of its own, so that nobody else sees it and it is gone with its process.
 * `path` leads into it from here: the system follows /proc/PID/root into the other namespace.
 */
export class Volume {
  readonly path: string;
  /** Its own name, for who is inside. */
  readonly mountPoint: string;
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess, mountPoint: string) {
    this.#holder = holder;
    this.mountPoint = mountPoint;
    this.path = `/proc/${holder.pid}/root${mountPoint}`;
  }

  /** A tmpfs: "size=64m", "nr_inodes=40". */
  static tmpfs(settings: string): Promise<Volume> {
    return Volume.#hold((mountPoint) => `mount -t tmpfs -o ${settings} tmpfs ${mountPoint}`);
  }

  /** An ext4 file system on a file. */
  static ext4(sizeMb: number): Promise<Volume> {
    return Volume.#hold(
      (mountPoint) =>
        `truncate -s ${sizeMb}M ${mountPoint}.img && mkfs.ext4 -q ${mountPoint}.img && ` +
        `mount -o loop ${mountPoint}.img ${mountPoint}`,
    );
  }

  static async #hold(mount: (mountPoint: string) => string): Promise<Volume> {
    const mountPoint = mkdtempSync(join(tmpdir(), "sluice-volume-"));
    const script = `${mount(mountPoint)} && echo mounted && exec tail -f /dev/null`;
    const holder = spawn("unshare", ["-m", "--propagation", "private", "sh", "-c", script], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const volume = new Volume(holder, mountPoint);
    await new Promise<void>((resolve, reject) => {
      let words = "";
      holder.stderr?.on("data", (chunk) => {
        words += chunk;
      });
      holder.stdout?.once("data", () => resolve());
      holder.once("exit", () => reject(new Error(`the volume cannot be mounted: ${words}`)));
    });
    return volume;
  }

  /** What `nsenter` has to be told, before a command that is to run inside. */
  get inside(): readonly string[] {
    return ["-t", String(this.#holder.pid), "-m", "--"];
  }

  /** A line of a shell inside, at the top of the volume. */
  async run(line: string): Promise<void> {
    const shell = ["sh", "-c", `cd "$0" && ${line}`, this.mountPoint];
    await promisify(execFile)("nsenter", [...this.inside, ...shell]);
  }

  /** Everything in it is gone, whoever still has it open. */
  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#holder.once("exit", resolve));
    this.#holder.kill("SIGKILL");
    await gone;
    rmSync(`${this.mountPoint}.img`, { force: true });
    rmSync(this.mountPoint, { recursive: true, force: true });
  }
}

/** What the files below a directory take by their sizes, those that `counts` says. */
export function bytesBelow(directory: string, counts: (name: string) => boolean = () => true): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !counts(entry.name)) continue;
    // Files come and go while we look.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
