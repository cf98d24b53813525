import { appendFileSync } from "node:fs";
import { codeOf, seededRandom, systemClock } from "@sluice/sdk/internal";
import type { Address } from "../../config/schema.ts";
import { SluiceError } from "../../errors.ts";
import { type Answer, type Backend, type BackendRequest, startBackend } from "../../testing/index.ts";
import type { CliContext } from "../context.ts";
import { type Exchange, exchangeJson, exchangeLine } from "./exchange-line.ts";
import { createPlan, isDue, type MockFault, type When } from "./faults.ts";
import type { MockService, OpenMock } from "./services.ts";

export interface MockJob {
  readonly service: MockService;
  readonly variant: string;
  readonly listen: Address;
  readonly faults: readonly MockFault[];
  /** Which items are refused. */
  readonly refuse?: When;
  readonly seed: number;
  readonly json: boolean;
  /** Where requests are kept, whole. */
  readonly keep?: string;
}

/** Nothing of an old request is looked at again. */
const REQUESTS_KEPT = 1;

/** Serves until SIGINT or SIGTERM. */
export async function serveMock(context: CliContext, job: MockJob): Promise<void> {
  const { service, faults, refuse } = job;
  if (job.keep !== undefined) probe(job.keep);
  const mock = await service.open(job.variant);
  if (refuse) {
    const random = seededRandom(job.seed);
    let items = 0;
    mock.refuseItems(() => isDue(refuse, ++items, random));
  }
  let requests = 0;
  const tell = (exchange: Exchange) => {
    requests++;
    context.print((job.json ? exchangeJson : exchangeLine)(exchange));
    if (job.keep !== undefined) keep(job.keep, exchange);
  };
  const backend = await listen(mock, job, tell);
  // Before it says where it is: whoever knows that may end it.
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  });
  announce(context, job, mock, backend.url);
  const isByChance = [...faults.map(({ when }) => when), refuse].some((when) => when?.name === "chance");
  if (isByChance) context.say(`Something fails by chance: --seed ${job.seed} gives the same again.`);
  // Whoever reads its lines may leave; those whom it serves do not.
  context.isDaemon = true;

  await ended;
  await backend.close();
  context.say(`The stand-in for ${service.title} has ended after ${requests} requests.`);
}

/** That it can be written to, before anybody relies on it. */
function probe(path: string): void {
  try {
    appendFileSync(path, "");
  } catch (error) {
    throw new SluiceError("OUTPUT_UNWRITABLE", { path, cause: codeOf(error) ?? `${error}` }, error);
  }
}

async function listen(mock: OpenMock, job: MockJob, tell: (exchange: Exchange) => void): Promise<Backend> {
  const next = createPlan(job.faults, seededRandom(job.seed));
  const faultOf = new WeakMap<BackendRequest, MockFault>();
  const now = () => new Date(systemClock.nowMs()).toISOString();
  const answer = async (request: BackendRequest): Promise<Answer> => {
    const given = await mock.answer(request);
    const fault = faultOf.get(request)?.words;
    const items = mock.itemsOf(request, given);
    tell({ at: now(), request, answer: given, items, ...(fault !== undefined && { fault }) });
    return given;
  };
  const backend = await startBackend({ answer, keep: REQUESTS_KEPT, listen: job.listen }).catch((error) => {
    const { host, port } = job.listen;
    throw new SluiceError("LISTEN_FAILED", { listen: `${host}:${port}`, cause: codeOf(error) ?? `${error}` });
  });
  backend.choose((request) => {
    const fault = next();
    if (!fault) return "pass";
    // Then the service does its work, and is heard of by `answer`; of the others nobody hears.
    if (fault.step === "loseAnswer") faultOf.set(request, fault);
    else tell({ at: now(), request, fault: fault.words, items: [] });
    return fault.step;
  });
  return backend;
}

function announce(context: CliContext, job: MockJob, mock: OpenMock, url: string): void {
  const { name, title } = job.service;
  const endpoint = url + mock.path;
  if (job.json) {
    context.print(JSON.stringify({ service: name, url, endpoint, keys: mock.keys, pid: process.pid }));
    return;
  }
  context.print(url);
  context.say(`This stands in for ${title}: ${endpoint}`);
  for (const [option, key] of Object.entries(mock.keys)) context.say(`It takes ${option} ${key}`);
  context.say("End it with Ctrl-C.");
}

/** Bodies that are no JSON as base64. Keys are not kept, since somebody may have sent a real one. */
function keep(path: string, { at, request, fault, answer, items }: Exchange): void {
  const { method, path: target, json, body } = request;
  const sent = json === undefined ? { base64: body.toString("base64") } : { json };
  const said = answer && { status: answer.status ?? 200, body: answer.body };
  appendFileSync(
    path,
    `${JSON.stringify({ at, method, path: target, ...sent, fault, answer: said, items })}\n`,
  );
}
