import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { sleep, systemClock, systemDisk, systemOutput } from "@sluice/sdk/internal";
import type { Sink, SinkContext, SinkDefinition } from "../sinks/define.ts";
import type { Delivery } from "../sinks/delivery.ts";
import { type Backend, type BackendOptions, type Step, startBackend } from "./backend.ts";
import { llmRun, oddEvents, outgoing } from "./outgoing.ts";

/** What `sinkContract` needs of a test runner: vitest's and node:test's `describe` and `test` both fit. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

export interface SinkContract {
  /** The fewest options that work, for a backend at `url` and files below `directory`. */
  options(url: string, directory: string): Record<string, unknown>;
  /** A value among these options that must never be seen again. */
  readonly secret?: string;
  /** What a working backend says. Default: 200 with `{}`. */
  readonly answer?: () => BackendOptions["answer"] | Promise<BackendOptions["answer"]>;
  /** Options under which `check` must find fault; over HTTP a 401 is tried as well. */
  readonly brokenOptions?: (directory: string) => Record<string, unknown>;
  /** Added to the options to make the sink give up a request soon. */
  readonly shortTimeout?: Record<string, unknown>;
  /** Events that this sink delivers. Default: complete LLM runs. */
  readonly event?: () => Event;
  /** Why there is no HTTP in this sink; its rules about HTTP are left out with these words. */
  readonly noHttp?: string;
  /**
   * What the sink speaks to where that is not HTTP: a real server behind a `Relay`, say. The rules about the
   * wire, which need no status, then hold for it too.
   */
  readonly backend?: () => Promise<ContractBackend>;
  /** Rules that do not hold for this sink, and why. The reason is printed. */
  readonly skip?: Partial<Record<ContractRule, string>>;
}

/** What the rules need of a backend. Without HTTP: what they script are the steps of `Wire`. */
export interface ContractBackend extends Pick<Backend, "url" | "connections" | "received" | "close"> {
  readonly requests: readonly unknown[];
  script(step: Wire): void;
}

type Wire = "hang" | "reset" | "resetAfterStatus";

export type ContractRule = (typeof RULES)[number]["name"];

interface Stage {
  readonly contract: SinkContract;
  readonly definition: SinkDefinition;
  readonly backend: Omit<ContractBackend, "script"> & Pick<Backend, "script">;
  readonly directory: string;
  /** Opens the sink with its minimal options and these; it is closed with the stage. */
  open(more?: Record<string, unknown>): Promise<Sink>;
  batch(count: number): readonly ReturnType<typeof outgoing>[];
}

interface Rule<Name extends string> {
  readonly name: Name;
  readonly needs?: "http" | "wire";
  check(stage: Stage): Promise<void>;
}

function rule<const Name extends string>(name: Name, check: (stage: Stage) => Promise<void>): Rule<Name> {
  return { name, check };
}

function httpRule<const Name extends string>(name: Name, check: (stage: Stage) => Promise<void>): Rule<Name> {
  return { name, check, needs: "http" };
}

/** About what a connection can do, whatever is spoken on it. */
function wireRule<const Name extends string>(name: Name, check: (stage: Stage) => Promise<void>): Rule<Name> {
  return { name, check, needs: "wire" };
}

/** Longer than any sane sink needs on loopback, shorter than a test runner's patience. */
const SEND_TIMEOUT_MS = 5_000;
const STOP_MS_MAX = 100;
/** Well below the seconds after which an idle connection ends by itself. */
const CLOSE_MS_MAX = 500;

/** Sends one batch against one step of the backend. */
async function sendAgainst(stage: Stage, step: Step, more?: Record<string, unknown>): Promise<Delivery> {
  const sink = await stage.open(more);
  stage.backend.script(step);
  return sink.send(stage.batch(2), AbortSignal.timeout(SEND_TIMEOUT_MS));
}

async function expectStatus(stage: Stage, step: Step, status: Delivery["status"]): Promise<void> {
  const delivery = await sendAgainst(stage, step);
  assert.equal(delivery.status, status, JSON.stringify(delivery));
}

const RULES = [
  rule("opens with its minimal options, and closes", async (stage) => {
    const sink = await stage.open();
    await sink.close();
  }),
  rule("refuses options it does not know", async (stage) => {
    const options = stage.contract.options(stage.backend.url, stage.directory);
    const parsed = stage.definition.options.safeParse({ ...options, no_such_option: 1 });
    assert.equal(parsed.success, false);
  }),
  rule("its check passes when it can deliver", async (stage) => {
    const sink = await stage.open();
    assert.equal(await sink.check(AbortSignal.timeout(SEND_TIMEOUT_MS)), undefined);
  }),
  rule("its check says so when it cannot deliver", async (stage) => {
    const broken = stage.contract.brokenOptions?.(stage.directory);
    const sink = await stage.open(broken);
    if (!broken) stage.backend.script({ status: 401 });
    const sentence = await sink.check(AbortSignal.timeout(SEND_TIMEOUT_MS));
    assert.equal(typeof sentence, "string", "check found no fault");
  }),
  rule("delivers a batch", async (stage) => {
    const sink = await stage.open();
    const delivery = await sink.send(stage.batch(3), AbortSignal.timeout(SEND_TIMEOUT_MS));
    assert.equal(delivery.status, "delivered", JSON.stringify(delivery));
  }),
  rule("does nothing for an empty batch", async (stage) => {
    const sink = await stage.open();
    assert.equal((await sink.send([], AbortSignal.timeout(SEND_TIMEOUT_MS))).status, "delivered");
    assert.equal(stage.backend.requests.length, 0);
  }),
  httpRule("asks for a retry on 500", (stage) => expectStatus(stage, { status: 500 }, "retry")),
  httpRule("asks for a retry on 503", (stage) => expectStatus(stage, { status: 503 }, "retry")),
  httpRule("asks for a retry on 408", (stage) => expectStatus(stage, { status: 408 }, "retry")),
  httpRule("asks for a retry on 429", (stage) => expectStatus(stage, { status: 429 }, "retry")),
  wireRule("asks for a retry when the connection is reset", (stage) => expectStatus(stage, "reset", "retry")),
  wireRule("asks for a retry when the answer breaks off", (stage) =>
    expectStatus(stage, "resetAfterStatus", "retry"),
  ),
  wireRule("asks for a retry when the backend does not answer in time", async (stage) => {
    assert.ok(stage.contract.shortTimeout, "give shortTimeout, or skip this rule with a reason");
    const delivery = await sendAgainst(stage, "hang", stage.contract.shortTimeout);
    assert.equal(delivery.status, "retry");
  }),
  httpRule("passes on Retry-After in seconds", async (stage) => {
    const delivery = await sendAgainst(stage, { status: 429, headers: { "retry-after": "7" } });
    assert.equal(delivery.status === "retry" && delivery.retryAfterMs, 7_000);
  }),
  httpRule("passes on Retry-After as a date", async (stage) => {
    const date = new Date(systemClock.nowMs() + 60_000).toUTCString();
    const delivery = await sendAgainst(stage, { status: 503, headers: { "retry-after": date } });
    const waitMs = delivery.status === "retry" ? (delivery.retryAfterMs ?? 0) : 0;
    assert.ok(waitMs > 50_000 && waitMs <= 60_000, `waits ${waitMs} ms`);
  }),
  httpRule("is rejected by 400", (stage) => expectStatus(stage, { status: 400 }, "rejected")),
  httpRule("is blocked by 401", (stage) => expectStatus(stage, { status: 401 }, "blocked")),
  httpRule("is blocked by a redirect, and does not follow it", async (stage) => {
    const other = await startBackend();
    try {
      await expectStatus(stage, { status: 307, headers: { location: other.url } }, "blocked");
      assert.equal(other.requests.length, 0);
    } finally {
      await other.close();
    }
  }),
  httpRule("is too large after 413", (stage) => expectStatus(stage, { status: 413 }, "tooLarge")),
  httpRule("does not believe a web page with status 200", (stage) =>
    expectStatus(stage, { body: "<!doctype html><title>Sign in</title>" }, "retry"),
  ),
  rule("may be given the same batch twice", async (stage) => {
    const sink = await stage.open();
    const batch = stage.batch(3);
    for (const _ of [1, 2]) {
      const delivery = await sink.send(batch, AbortSignal.timeout(SEND_TIMEOUT_MS));
      assert.equal(delivery.status, "delivered", JSON.stringify(delivery));
    }
  }),
  rule("ends at once under a signal that is already aborted", async (stage) => {
    const sink = await stage.open();
    const startedAtMs = systemClock.monotonicMs();
    await sink.send(stage.batch(2), AbortSignal.abort());
    assert.ok(systemClock.monotonicMs() - startedAtMs < STOP_MS_MAX);
  }),
  wireRule("stops within 100 ms of its signal", async (stage) => {
    const sink = await stage.open();
    const controller = new AbortController();
    stage.backend.script("hang");
    const sending = sink.send(stage.batch(2), controller.signal);
    await stage.backend.received(1);
    const abortedAtMs = systemClock.monotonicMs();
    controller.abort();
    assert.equal((await sending).status, "retry");
    assert.ok(systemClock.monotonicMs() - abortedAtMs < STOP_MS_MAX);
  }),
  rule("survives odd events, and lets their neighbours through", async (stage) => {
    const sink = await stage.open();
    for (const event of oddEvents()) {
      const batch = [outgoing(event), ...stage.batch(1)];
      const delivery = await sink.send(batch, AbortSignal.timeout(SEND_TIMEOUT_MS));
      const each = delivery.status === "mixed" ? delivery.each : [delivery, delivery];
      assert.ok(
        each[0]?.status === "delivered" || each[0]?.status === "skipped",
        `${event.id}: ${JSON.stringify(delivery)}`,
      );
      assert.equal(each[1]?.status, "delivered", JSON.stringify(delivery));
    }
  }),
  rule("never throws, not even for what is no event", async (stage) => {
    const sink = await stage.open();
    const unreadable = {
      id: "x",
      raw: Buffer.from("{"),
      get event(): Event {
        throw new Error("not an event");
      },
    };
    const wrong = outgoing(JSON.parse('{"id":"y","kind":"run.ended","time":7,"run":"a","runId":{}}'));
    const delivery = await sink.send([unreadable, wrong], AbortSignal.timeout(SEND_TIMEOUT_MS));
    assert.equal(typeof delivery.status, "string");
  }),
  httpRule("shows its secret in no reason", async (stage) => {
    const { secret } = stage.contract;
    assert.ok(secret, "give the secret, or skip this rule with a reason");
    const spellings = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("hex"),
      Buffer.from(`user:${secret}`).toString("base64"),
    ];
    const body = `You sent ${spellings.join(" and ")}, and that is wrong`;
    for (const status of [200, 400, 401, 413, 500]) {
      const shown = JSON.stringify(await sendAgainst(stage, { status, body }));
      for (const spelling of spellings.slice(0, 4)) assert.ok(!shown.includes(spelling), shown);
      assert.ok(!shown.includes(Buffer.from(`user:${secret}`).toString("base64").slice(-12)), shown);
    }
  }),
  rule("closes twice, and leaves nothing open", async (stage) => {
    const sink = await stage.open();
    await sink.send(stage.batch(1), AbortSignal.timeout(SEND_TIMEOUT_MS));
    await sink.close();
    await sink.close();
    const waitUntilMs = systemClock.monotonicMs() + CLOSE_MS_MAX;
    while (stage.backend.connections > 0 && systemClock.monotonicMs() < waitUntilMs) {
      await sleep(systemClock, 5, new AbortController().signal);
    }
    assert.equal(stage.backend.connections, 0);
  }),
] as const;

/**
 * What every sink promises, as tests: one call in a test file, for the sinks of this package and for your
 * own. Each rule opens the sink anew, against a backend of its own on loopback and in an empty directory.
 */
export function sinkContract(definition: SinkDefinition, contract: SinkContract, runner: TestRunner): void {
  const declined = new Map<string, string[]>();
  runner.describe(`the sink contract: ${definition.type}`, () => {
    for (const each of RULES as readonly Rule<ContractRule>[]) {
      const reason = contract.skip?.[each.name] ?? reasonAgainst(each, contract);
      if (reason !== undefined) declined.set(reason, [...(declined.get(reason) ?? []), each.name]);
      else runner.test(each.name, () => withStage(definition, contract, (stage) => each.check(stage)));
    }
  });
  // A rule that does not apply is said aloud, or it would look like one that holds.
  for (const [reason, rules] of declined) {
    const line = `sink contract ${definition.type}: does not apply, because ${reason}: ${rules.join("; ")}\n`;
    void systemOutput.write(line);
  }
}

function reasonAgainst({ needs }: Rule<ContractRule>, contract: SinkContract): string | undefined {
  if (needs === undefined || (needs === "wire" && contract.backend)) return undefined;
  return contract.noHttp;
}

async function withStage(
  definition: SinkDefinition,
  contract: SinkContract,
  check: (stage: Stage) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-contract-"));
  const answer = await contract.answer?.();
  const backend = await (contract.backend?.() ?? startBackend(answer ? { answer } : {}));
  const opened: Sink[] = [];
  const context: SinkContext = {
    name: "contract",
    clock: systemClock,
    disk: systemDisk,
    dataDir: directory,
    output: { write: async () => undefined },
    warn: () => undefined,
  };
  const open = async (more: Record<string, unknown> = {}) => {
    const options = definition.options.parse({ ...contract.options(backend.url, directory), ...more });
    const sink = await definition.open(options, context);
    opened.push(sink);
    return sink;
  };
  const batch = (count: number) =>
    Array.from({ length: count }, () => outgoing((contract.event ?? llmRun)()));
  try {
    await check({ contract, definition, backend, directory, open, batch });
  } finally {
    await Promise.all(opened.map((sink) => sink.close()));
    await backend.close();
    await rm(directory, { recursive: true });
  }
}
