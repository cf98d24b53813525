import { endId } from "@sluice/sdk/internal";
import type { Pipeline } from "../../../packages/sluice/src/pipeline.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import type { Backend } from "./backend.ts";
import { behaviourOf } from "./behaviour.ts";
import { recordOf } from "./clients.ts";
import { checkBalances } from "./demands.ts";
import type { Ending } from "./life.ts";
import { demand } from "./violation.ts";
import { DATA_DIR, type World } from "./world.ts";

const LIVENESS_MS = 600_000;

/**
 * The end of a run: all faults stop, the backends are well, and within ten simulated minutes everything is
 * settled. Then an orderly end and one more start, which closes what dead processes have left open, and the
 * accounts are compared: what clients were told, what the spool says, what backends have.
 */
export async function finish(world: World): Promise<void> {
  const { faults, memory, backends, trace } = world;
  trace.note("step", "the end: no more faults");
  faults.heal();
  world.life.spare();
  memory.capacityBytes = Number.POSITIVE_INFINITY;
  for (const backend of backends) backend.behaviour = behaviourOf("well");
  await settles(world);
  demand(await world.close(), "an orderly end on a healthy disk is orderly (P10)");
  await world.afterEnd();
  await world.open(false);
  await settles(world);
  const status = world.pipeline?.status();
  demand(await world.close(), "an orderly end on a healthy disk is orderly (P10)");
  await world.afterEnd();
  for (const backend of backends) {
    const balance = status?.sinks.find(({ sink }) => sink === backend.name)?.balance;
    const dead = deadLettersOf(world, backend);
    // A power cut may bring back a letter that was taken back; one that is counted is there.
    demand(
      (balance?.deadLettered ?? 0) <= dead.dead,
      () =>
        `${backend.name}: ${balance?.deadLettered} dead letters are counted, ${dead.dead} are on disk (P2)`,
    );
    const dropped = balance?.dropped["deadletters_full"] ?? 0;
    checkDelivered(world, backend, dead.text, dropped);
    if (dropped === 0) checkEnds(world, backend, dead.text);
    checkRepeats(world, backend);
  }
}

async function settles(world: World): Promise<void> {
  const pipeline = world.pipeline;
  if (!pipeline) throw new Error("the world is not open");
  const isSettled = () => {
    const { sinks, assembler } = pipeline.status();
    return assembler.lag === 0 && sinks.every(({ balance }) => balance.pending === 0);
  };
  // Whoever is open to events says so by taking one.
  await world.pass(10_000);
  await intakeIsOpen(world, pipeline);
  await world.pass(LIVENESS_MS, isSettled);
  demand(
    isSettled(),
    () => `without faults everything settles within 10 minutes: ${JSON.stringify(pipeline.status())}`,
  );
  checkBalances(world);
  // The assembler appends what it has joined, and that has to be delivered too.
  await world.pass(10_000);
  await world.pass(LIVENESS_MS, isSettled);
}

async function intakeIsOpen(world: World, pipeline: Pipeline): Promise<void> {
  const time = new Date(world.time.wallMs).toISOString();
  const record = recordOf({ id: `last-${world.counts.lives}`, kind: "note.made", time });
  let status: string | undefined;
  world.acknowledged.sent([record]);
  for (let tries = 0; tries < 60 && status !== "appended" && status !== "duplicate"; tries++) {
    const appending = pipeline.intake.append([record]);
    void appending.then(([outcome]) => {
      status = outcome?.status;
    });
    await world.pass(10_000, () => status !== undefined && status !== "full" && status !== "slow");
  }
  demand(
    status === "appended" || status === "duplicate",
    () =>
      `intake opens once the disk is well, and says ${status} (P6, P7): ${JSON.stringify(pipeline.status())}`,
  );
}

/** What was acknowledged is at every backend, or it can be seen why not; but for `dropped` events. */
function checkDelivered({ acknowledged }: World, backend: Backend, dead: string, dropped: number): void {
  // An end that was sent again was acknowledged again, as a duplicate.
  const missing = new Set<string>();
  for (const { record, offset, subject } of acknowledged.all()) {
    const isThere = backend.taken.has(subject) || backend.skipped.has(subject);
    const isDead = () => namesOf(record, subject).some((name) => dead.includes(`"${name}"`));
    if (!isThere && !isDead()) missing.add(`${record.id} (${subject}) at ${offset}`);
  }
  demand(
    missing.size <= dropped,
    () => `${backend.name} never had what was acknowledged: ${[...missing].join(", ")} (P2)`,
  );
}

/** Under which a dead letter may speak of it: an end that came late is the run's second revision. */
function namesOf({ id, runId }: NewRecord, subject: string): readonly string[] {
  return runId === undefined ? [id] : [id, subject, endId(runId, 2)];
}

/** A run that this data dir's processes had to end was ended, by its writer or for it. */
function checkEnds({ acknowledged, clients }: World, backend: Backend, dead: string): void {
  const own = new Map(clients.runs.map((run) => [run.id, run]));
  for (const { runId = "" } of acknowledged.started()) {
    const writer = own.get(runId)?.writer;
    if (writer === undefined || writer === "sdk-1") continue;
    const id = endId(runId);
    const isThere = backend.taken.has(id) || backend.skipped.has(id) || dead.includes(`"${id}"`);
    demand(isThere, () => `${runId} began with a writer that is dead, and ${backend.name} has no end of it`);
  }
}

/**
 * A process that is killed has its ledger in the page cache, so at most what was on its way comes twice. A
 * disk that would not take the ledger can make it more, and so can a power cut, which takes what was not
 * synced.
 */
function checkRepeats(world: World, backend: Backend): void {
  const sink = world.weather.sinks.find(({ type }) => type === backend.name);
  const most = sink ? sink.inFlight * sink.limits.events : 0;
  const count = mostRepeats(world, backend, "kill");
  demand(
    count <= most,
    `${backend.name} was sent ${count} events again after a kill, at most are ${most} (P1)`,
  );
}

/** The most events that came twice for one end of a process; for a kill, where the disk had no part in it. */
export function mostRepeats({ endings }: World, { repeats }: Backend, ending: Ending): number {
  const counts = new Map<number, number>();
  for (const { from, to } of repeats) {
    const ended = Array.from({ length: to - from }, (_, index) => endings.get(from + index));
    const isCut = ended.some((end) => end?.ending === "power cut");
    const isPlain = isCut || ended.every((end) => end?.faults === 0);
    if (isCut === (ending === "power cut") && isPlain) counts.set(from, (counts.get(from) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

function deadLettersOf({ memory }: World, backend: Backend): { text: string; dead: number } {
  const path = `${DATA_DIR}/deadletters/${backend.name}.jsonl`;
  const text = memory.paths.includes(path) ? Buffer.from(memory.bytesOf(path)).toString() : "";
  const whole = text.split("\n").filter(isWhole);
  const dead = new Set<number>();
  for (const line of whole) {
    const { offset, offsets = [offset], count } = JSON.parse(line);
    // Of a group so many are dead, nobody knows which. A crash may have written a letter twice.
    for (const one of offsets.slice(0, count)) dead.add(one);
  }
  return { text: whole.join("\n"), dead: dead.size };
}

/** A line that a power cut has left half written counts for nothing. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
