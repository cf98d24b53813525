import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { COMPILED } from "../../e2e/daemon.ts";
import type { Listening, Taken } from "./far-backend.ts";

/** What it takes; "root" because making a network does. */
export const FAR_HOST_TOOLS = ["linux", "root", "ip", "unshare", "nsenter"] as const;

const PROGRAM = join(import.meta.dirname, "far-backend.ts");
/** Pairs of addresses in 198.18.0.0/15, which is set aside for tests of networks and routed nowhere. */
const PAIRS = 2 ** 15;

/**
 * A backend on a host of its own: a process in a network namespace, with a cable (a veth pair) to this one.
 * The namespace has no name and lives as long as the process, and the cable as long as the namespace.
 */
export class FarHost {
  readonly url: string;
  readonly #backend: ChildProcess;
  readonly #wire: Wire;

  private constructor(backend: ChildProcess, wire: Wire, port: number) {
    this.#backend = backend;
    this.#wire = wire;
    this.url = `http://${wire.there}:${port}`;
  }

  static async open(): Promise<FarHost> {
    const node = [process.execPath, "--conditions=sluice-source", PROGRAM];
    const backend = spawn("unshare", ["--net", ...node], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { PATH: process.env["PATH"], ...COMPILED },
    });
    try {
      const { port } = await heard<Listening>(backend);
      const wire = wireOf(process.pid);
      const host = new FarHost(backend, wire, port);
      await run("ip", `link add ${wire.name} type veth peer name far netns ${backend.pid}`);
      await run("ip", `addr add ${wire.here}/30 dev ${wire.name}`);
      await run("ip", `link set ${wire.name} up`);
      await host.#inside("link set far up");
      await host.appear();
      return host;
    } catch (error) {
      await ended(backend);
      throw error;
    }
  }

  /** From now on nobody has the address: nothing is refused, nothing is reset, and nothing is heard. */
  vanish(): Promise<void> {
    return this.#inside(`addr del ${this.#wire.there}/30 dev far`);
  }

  /** The address is there again, and behind it everything as it was. */
  appear(): Promise<void> {
    return this.#inside(`addr add ${this.#wire.there}/30 dev far`);
  }

  /** The ids that it took, also while it cannot be reached. */
  async taken(): Promise<readonly string[]> {
    const answer = heard<Taken>(this.#backend);
    this.#backend.send("taken");
    return (await answer).ids;
  }

  async close(): Promise<void> {
    await ended(this.#backend);
    // The system takes its time to clear a namespace away; whoever comes next may have our number.
    await run("ip", `link del ${this.#wire.name}`).catch(() => undefined);
  }

  async #inside(words: string): Promise<void> {
    await run("nsenter", `--net --target ${this.#backend.pid} ip ${words}`);
  }
}

interface Wire {
  /** At this end; the other one is called "far". */
  readonly name: string;
  readonly here: string;
  readonly there: string;
}

/** One for each process. */
function wireOf(pid: number): Wire {
  const at = (pid % PAIRS) * 4;
  const address = (last: number) => `198.${18 + (at >> 16)}.${(at >> 8) & 0xff}.${(at & 0xff) + last}`;
  return { name: `sluice${pid}`, here: address(1), there: address(2) };
}

async function run(program: string, words: string): Promise<void> {
  await promisify(execFile)(program, words.split(" "));
}

function heard<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`the backend has ended with ${code}`));
    child.once("exit", gone);
    child.once("message", (message) => {
      child.off("exit", gone);
      resolve(message as Message);
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
