import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { systemDisk } from "@sluice/sdk/internal";
import type { Balance } from "../../../packages/sluice/src/pipeline.ts";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import type { AppendOutcome } from "../../../packages/sluice/src/spool/spool.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { COMPILED } from "../../e2e/daemon.ts";
import type { Answer, Order, ProgramSettings } from "./space-program.ts";
import type { Volume } from "./space-volume.ts";

const PROGRAM = join(import.meta.dirname, "space-program.ts");

/** A pipeline that lives on a volume, and what it has acknowledged. */
export class Tenant {
  readonly acknowledged: string[] = [];
  warnings: readonly string[] = [];
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  #number = 0;

  private constructor(child: ChildProcess, dataDir: string) {
    this.#child = child;
    this.#dataDir = dataDir;
  }

  static async moveIn(volume: Volume, settings: Omit<ProgramSettings, "dataDir">): Promise<Tenant> {
    const words = JSON.stringify({ ...settings, dataDir: join(volume.mountPoint, "data") });
    const node = [process.execPath, "--conditions=sluice-source", PROGRAM, words];
    const child = spawn("nsenter", [...volume.inside, ...node], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { PATH: process.env["PATH"], ...COMPILED, UV_THREADPOOL_SIZE: "16" },
    });
    const tenant = new Tenant(child, join(volume.path, "data"));
    await tenant.#answer();
    return tenant;
  }

  async append(bodyBytes: number): Promise<AppendOutcome> {
    const number = this.#number++;
    const { outcome } = await this.#ask({ do: "append", number, bodyBytes });
    if (!outcome) throw new Error("an append without an outcome");
    if (outcome.status === "appended") this.acknowledged.push(`event-${number}`);
    return outcome;
  }

  async refusing(): Promise<string | undefined> {
    return (await this.#ask({ do: "status" })).status?.spool.refusing;
  }

  async balance(): Promise<Balance> {
    const { status } = await this.#ask({ do: "status" });
    const [sink] = status?.sinks ?? [];
    if (!sink) throw new Error("there is no sink");
    return sink.balance;
  }

  /** Appends until it is refused; how. */
  async fill(bodyBytes: number): Promise<string> {
    for (;;) {
      const outcome = await this.append(bodyBytes);
      if (outcome.status !== "appended") return "reason" in outcome ? outcome.reason : outcome.status;
    }
  }

  /** Tries, now and then, until it is taken; how long that took, in ms. */
  async recovered(withinMs: number): Promise<number> {
    const startMs = performance.now();
    while ((await this.append(1_000)).status !== "appended") {
      if (performance.now() - startMs > withinMs) throw new Error(`still refused: ${await this.refusing()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return performance.now() - startMs;
  }

  /** Stops it in order. */
  async leave(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.#ask({ do: "close" });
    await gone;
  }

  /** However it stands. Idempotent. */
  close(): void {
    this.#child.kill("SIGKILL");
  }

  /** Of what was acknowledged, the ids that are not in the spool. It has left. */
  async missing(): Promise<readonly string[]> {
    const there = new Set<string>();
    for await (const { event } of (await readSpool(this.#dataDir, systemDisk)).records()) there.add(event.id);
    return this.acknowledged.filter((id) => !there.has(id));
  }

  async problems(): Promise<readonly string[]> {
    return (await openVerification({ dataDir: this.#dataDir, disk: systemDisk })).problems;
  }

  #ask(order: Order): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  async #answer(): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      const ended = () => reject(new Error("the program has ended"));
      this.#child.once("exit", ended);
      this.#child.once("message", (message) => {
        this.#child.off("exit", ended);
        resolve(message as Answer);
      });
    });
    this.warnings = answer.warnings;
    return answer;
  }
}
