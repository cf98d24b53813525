import { join } from "node:path";
import { BODY_BYTES_MAX } from "../../event/limits.ts";
import type { IncomingEvent } from "../../event/validate.ts";
import { type Clock, systemClock, type Timer } from "../../system/clock.ts";
import { type Disk, systemDisk } from "../../system/disk.ts";
import { createHttpClient, type HttpClient } from "../../system/http-client.ts";
import { keepAlive } from "../../system/keep-alive.ts";
import { type ProcessEnd, systemProcessEnd } from "../../system/process-end.ts";
import { type ProcessTable, systemProcessTable } from "../../system/process-table.ts";
import { type Random, systemRandom } from "../../system/random.ts";
import { type SyncDisk, systemSyncDisk } from "../../system/sync-disk.ts";
import { dropTeller, type OnDrop } from "../drop.ts";
import type { Emitter } from "../emitter.ts";
import { EventLines } from "../event-lines.ts";
import { HeadWriter } from "../head.ts";
import { untilAborted } from "../until-aborted.ts";
import type { Backlog } from "./backlog.ts";
import { resolveDataDir } from "./data-dir.ts";
import { FallbackBacklog } from "./fallback-backlog.ts";
import { MemoryBacklog } from "./memory-backlog.ts";
import { postLines } from "./post.ts";
import { Sender } from "./sender.ts";
import { SpillBacklog } from "./spill-backlog.ts";
import { SpillDirectory } from "./spill-directory.ts";
import { SPILL_DIRECTORY } from "./spill-format.ts";
import { discoveredTarget, fixedTarget, type Target } from "./target.ts";

/**
 * An emitter that hands events to the sluice daemon. Without options it finds the daemon of this machine.
 *
 * Events are sent in the order of their `emit`, each until the daemon has it on disk: a daemon that is down,
 * restarts or is full is waited for. What may wait is bounded; beyond it `onDrop` tells each event. Ids are
 * minted before the first try, so an event that was sent twice is stored once.
 *
 * What becomes of events that the daemon does not have yet, by `survive`:
 *
 * | | "nothing" | "crash" (default) | "kill" |
 * |---|---|---|---|
 * | the application ends by itself | sent, for 2 s | sent, else left | sent, else left |
 * | `process.exit`, uncaught exception | lost | left | left |
 * | SIGKILL, OOM kill, SIGTERM without a handler | lost | lost | left |
 * | power cut, kernel crash | lost | lost | what the kernel had written by then is left |
 * | the daemon is down or restarts | wait, in memory | wait, in memory | wait, on disk |
 * | the disk is full | nothing changes | lost if it ends now | as "crash", and told to `onProblem` |
 *
 * *Left* means in a spill file in the data directory, which a daemon of the same user with that directory
 * adopts: within seconds when it runs, else when it starts. *Lost* is told to `onDrop` where anything still
 * can be. "crash" costs nothing before the end of the process; "kill" costs one write into the page cache for
 * each event.
 *
 * Nothing is opened before the first event, and nothing keeps the process alive but a `flush` or `close` that
 * somebody waits for (10 s at most). `flush` resolves when everything emitted before is acknowledged or
 * dropped, `close` within 5 s. Throws a TypeError for a `url` that is none.
 */
export function createDaemonEmitter(options: DaemonEmitterOptions = {}): Emitter {
  return openDaemonEmitter(options, {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    syncDisk: systemSyncDisk,
    http: createHttpClient(),
    processes: systemProcessTable,
    processEnd: systemProcessEnd,
    cwd: process.cwd(),
    env: process.env,
  });
}

/** What an application may want to say. Nothing is needed for a daemon on the same machine. */
export interface DaemonEmitterOptions {
  /**
   * Where the daemon is, like "http://127.0.0.1:4747" or "unix:/PATH/sluice.sock". Default: what daemon.json
   * in the data directory says, else that address.
   */
  readonly url?: string;
  /** For a daemon that listens off loopback. Default: what daemon.json says. Sent with `url` as it is. */
  readonly token?: string;
  /** The daemon's data directory. Default: $SLUICE_DATA_DIR, else as the daemon's own default. */
  readonly dataDir?: string;
  /** See the table. Default: "crash"; "nothing" where `url` is on another machine and there is no `dataDir`. */
  readonly survive?: "nothing" | "crash" | "kill";
  /** What may wait in memory. Default: 64 MiB. */
  readonly bufferBytes?: number;
  /** What may wait in the data directory's spill files, all processes together. Default: 256 MiB. */
  readonly spillBytes?: number;
  /** Told of every event that will not arrive. */
  readonly onDrop?: OnDrop;
  /**
   * Told, in a sentence, what stands between the events and the daemon, once until it changes. Nothing is
   * lost by it yet.
   */
  readonly onProblem?: (problem: string) => void;
}

/** The machine, as far as this emitter uses it. */
export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly syncDisk: SyncDisk;
  readonly http: HttpClient;
  readonly processes: ProcessTable;
  readonly processEnd: ProcessEnd;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Ten seconds of a very busy application while the daemon restarts. */
const BUFFER_BYTES = 64 * 1024 * 1024;
const SPILL_BYTES = 256 * 1024 * 1024;
/** A batch of this size is worth a request at once. */
const BATCH_BYTES = 64 * 1024;
/** How long an event waits for company at most. */
const BATCH_AGE_MS = 100;
/** How long an application that is done is held for its last events, where they cannot be left. */
const LAST_SEND_MS = 2_000;
/** How long `close` sends, below the 10 s after which containers are killed. */
const CLOSE_MS = 5_000;
/** A flush keeps the process for so long at most: somebody waits for it, but perhaps for a daemon that is gone. */
const HOLD_MS = 10_000;

export function openDaemonEmitter(options: DaemonEmitterOptions, machine: Machine): Emitter {
  return new DaemonEmitter(options, machine);
}

class DaemonEmitter implements Emitter {
  readonly #machine: Machine;
  readonly #drop: OnDrop;
  readonly #onProblem: (problem: string) => void;
  readonly #head: HeadWriter;
  /** The event at hand. */
  readonly #line = new EventLines(BODY_BYTES_MAX);
  readonly #backlog: Backlog;
  readonly #canLeave: boolean;
  readonly #sender: Sender;
  readonly #stopListening: () => void;
  #taken = 0;
  #settled = 0;
  readonly #waiting = new Set<{ readonly upTo: number; readonly wake: () => void }>();
  #onFailure: (() => void) | undefined;
  #problem: string | undefined;
  #timer: Timer | undefined;
  #triedAtEnd = 0;
  #closing: Promise<void> | undefined;
  #hasLeft = false;

  constructor(options: DaemonEmitterOptions, machine: Machine) {
    const { clock, random, http } = machine;
    const dataDir = resolveDataDir(
      options.dataDir ?? machine.env["SLUICE_DATA_DIR"],
      machine.cwd,
      machine.env,
    );
    const survive = options.survive ?? (isElsewhere(options) ? "nothing" : "crash");
    this.#machine = machine;
    this.#drop = dropTeller(options.onDrop);
    this.#onProblem = options.onProblem ?? (() => {});
    this.#head = new HeadWriter(clock, random);
    this.#backlog = this.#createBacklog(options, survive, join(dataDir, SPILL_DIRECTORY));
    this.#canLeave = survive !== "nothing";
    const target = createTarget(options, machine, dataDir);
    this.#sender = new Sender({
      backlog: this.#backlog,
      post: (lines, signal) => postLines({ http, target, clock }, lines, signal),
      clock,
      random,
      drop: this.#drop,
      onSettled: (events) => this.#settle(events),
      onFailure: (detail) => {
        this.#tell(detail);
        this.#onFailure?.();
      },
    });
    this.#stopListening = machine.processEnd.listen({
      onIdle: () => this.#sendLast(),
      onExit: () => this.#leave("the process ended before a daemon had it"),
    });
  }

  emit(event: IncomingEvent): void {
    if (this.#closing !== undefined || this.#hasLeft) {
      this.#drop(1, "closed");
      return;
    }
    if (!this.#add(event)) return;
    this.#taken++;
    if (this.#sender.isSending) return;
    if (this.#backlog.sizeBytes >= BATCH_BYTES) this.#sender.start();
    else this.#timer ??= this.#machine.clock.after(BATCH_AGE_MS, () => this.#startSending());
  }

  /** False when the event could not be taken, which is told. */
  #add(event: IncomingEvent): boolean {
    const refusal = this.#line.add(event, this.#head);
    if (refusal !== undefined) {
      this.#drop(1, refusal.reason, refusal.detail);
      return false;
    }
    const isTaken = this.#backlog.add(this.#line.bytes);
    this.#line.clear();
    if (!isTaken) this.#drop(1, "buffer_full");
    return isTaken;
  }

  async flush(signal?: AbortSignal): Promise<void> {
    const upTo = this.#taken;
    if (this.#settled >= upTo || signal?.aborted || this.#hasLeft) return;
    const alive = keepAlive();
    const timer = this.#machine.clock.after(HOLD_MS, () => alive.cancel());
    const { promise: settled, resolve: wake } = Promise.withResolvers<void>();
    const waiter = { upTo, wake };
    this.#waiting.add(waiter);
    this.#sender.hurry();
    await untilAborted(settled, signal);
    this.#waiting.delete(waiter);
    alive.cancel();
    timer.cancel();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#flushOrGiveUp(CLOSE_MS);
    await this.#sender.close();
    this.#leave("no daemon had it when the emitter was closed");
    this.#stopListening();
    this.#machine.http.close();
  }

  #createBacklog(options: DaemonEmitterOptions, survive: string, path: string): Backlog {
    const { clock, random, syncDisk: disk, processes } = this.#machine;
    const { bufferBytes = BUFFER_BYTES, spillBytes: bytesMax = SPILL_BYTES } = options;
    if (survive === "nothing") return new MemoryBacklog(bufferBytes);
    const onProblem = (problem: string) => this.#tell(problem);
    const directory = new SpillDirectory({ disk, path, processes, random, bytesMax, onProblem });
    const memory = new MemoryBacklog(bufferBytes, directory);
    return survive === "kill" ? new FallbackBacklog(new SpillBacklog(directory, clock), memory) : memory;
  }

  #startSending(): void {
    this.#timer = undefined;
    this.#sender.start();
  }

  #settle(events: number): void {
    this.#settled += events;
    this.#problem = undefined;
    for (const { upTo, wake } of this.#waiting) if (this.#settled >= upTo) wake();
  }

  /** The application has nothing more to do. It is held once for what it has emitted, and not for long. */
  #sendLast(): void {
    if (this.#settled === this.#taken || this.#triedAtEnd === this.#taken) return;
    this.#triedAtEnd = this.#taken;
    void this.#flushOrGiveUp(LAST_SEND_MS);
  }

  /** Where events can be left, one failure is enough: the daemon will find them when it is back. */
  async #flushOrGiveUp(limitMs: number): Promise<void> {
    const limit = new AbortController();
    const timer = this.#machine.clock.after(limitMs, () => limit.abort());
    if (this.#canLeave) this.#onFailure = () => limit.abort();
    await this.flush(limit.signal);
    this.#onFailure = undefined;
    timer.cancel();
  }

  #leave(why: string): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#timer?.cancel();
    const unsettled = this.#taken - this.#settled;
    this.#drop(Math.min(this.#backlog.leave(), unsettled), "write_failed", why);
    for (const { wake } of this.#waiting) wake();
  }

  #tell(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    try {
      this.#onProblem(problem);
    } catch {
      // As with onDrop: the line that emitted is not to blame for what a listener throws.
    }
  }
}

function createTarget(options: DaemonEmitterOptions, machine: Machine, dataDir: string): Target {
  const { url, token } = options;
  return url === undefined ? discoveredTarget(machine, dataDir, token) : fixedTarget(url, token);
}

/** A spill file of this machine is of no use to a daemon on another. */
function isElsewhere({ url, dataDir }: DaemonEmitterOptions): boolean {
  if (url === undefined || dataDir !== undefined || url.startsWith("unix:")) return false;
  return !/^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}
