import {
  checkBoolean,
  checkCount,
  checkList,
  checkName,
  checkObject,
  checkString,
  checkStrings,
  checkTime,
  type EventFault,
  type Fields,
  invalid,
  isObject,
  requireField,
} from "./fields.ts";

const STATUSES: readonly unknown[] = ["ok", "error", "cancelled", "incomplete"];
const PRICES: readonly unknown[] = ["table", "override", "sender"];
const USAGE_SOURCES: readonly unknown[] = ["provider", "counted", "estimated"];

/** The `run` of an event, as far as sinks rely on it. */
export function checkRun(run: unknown): EventFault | undefined {
  if (run === undefined) return undefined;
  if (!isObject(run)) return invalid("run", "must be an object");
  return checkFacts(run) ?? checkRequest(run.request) ?? checkResponse(run.response) ?? checkRest(run);
}

function checkFacts(run: Fields): EventFault | undefined {
  const { status, revision } = run;
  if (status !== undefined && !STATUSES.includes(status)) {
    return invalid("run.status", `must be one of ${STATUSES.join(", ")}`);
  }
  if (revision !== undefined && !(Number.isInteger(revision) && Number(revision) >= 1)) {
    return invalid("run.revision", "must be a whole number from 1 on");
  }
  return (
    requireField(run, "type", "run.") ??
    checkName(run.type, "run.type") ??
    checkName(run.name, "run.name") ??
    checkName(run.provider, "run.provider") ??
    checkName(run.operation, "run.operation") ??
    checkName(run.writer, "run.writer") ??
    checkTime(run.startTime, "run.startTime") ??
    checkTime(run.firstTokenTime, "run.firstTokenTime") ??
    checkString(run.reason, "run.reason")
  );
}

function checkRequest(request: unknown): EventFault | undefined {
  if (request === undefined) return undefined;
  if (!isObject(request)) return invalid("run.request", "must be an object");
  return (
    checkName(request.model, "run.request.model") ??
    checkObject(request.params, "run.request.params") ??
    checkBoolean(request.stream, "run.request.stream")
  );
}

function checkResponse(response: unknown): EventFault | undefined {
  if (response === undefined) return undefined;
  if (!isObject(response)) return invalid("run.response", "must be an object");
  return (
    checkString(response.id, "run.response.id") ??
    checkName(response.model, "run.response.model") ??
    checkStrings(response.finishReasons, "run.response.finishReasons")
  );
}

function checkRest(run: Fields): EventFault | undefined {
  return (
    checkUsage(run.usage) ??
    checkCost(run.cost) ??
    checkError(run.error) ??
    checkStrings(run.pieces, "run.pieces") ??
    checkObject(run.truncated, "run.truncated") ??
    checkObject(run.http, "run.http") ??
    checkList(run.attempts, "run.attempts")
  );
}

function checkUsage(usage: unknown): EventFault | undefined {
  if (usage === undefined) return undefined;
  if (!isObject(usage)) return invalid("run.usage", "must be an object");
  if (!USAGE_SOURCES.includes(usage.source)) {
    return invalid("run.usage.source", `must be one of ${USAGE_SOURCES.join(", ")}`);
  }
  // One by one and not in a loop over names: property access by a constant name is five times cheaper.
  return (
    checkCount(usage.input, "run.usage.input") ??
    checkCount(usage.cacheRead, "run.usage.cacheRead") ??
    checkCount(usage.cacheWrite5m, "run.usage.cacheWrite5m") ??
    checkCount(usage.cacheWrite1h, "run.usage.cacheWrite1h") ??
    checkCount(usage.output, "run.usage.output") ??
    checkCount(usage.reasoning, "run.usage.reasoning") ??
    checkCount(usage.audioInput, "run.usage.audioInput") ??
    checkCount(usage.audioOutput, "run.usage.audioOutput") ??
    checkStrings(usage.flags, "run.usage.flags") ??
    checkObject(usage.raw, "run.usage.raw")
  );
}

function checkCost(cost: unknown): EventFault | undefined {
  if (cost === undefined) return undefined;
  if (!isObject(cost)) return invalid("run.cost", "must be an object");
  if (!PRICES.includes(cost.prices)) {
    return invalid("run.cost.prices", `must be one of ${PRICES.join(", ")}`);
  }
  return (
    requireField(cost, "totalUsd", "run.cost.") ??
    checkCount(cost.totalUsd, "run.cost.totalUsd") ??
    checkCount(cost.inputUsd, "run.cost.inputUsd") ??
    checkCount(cost.outputUsd, "run.cost.outputUsd") ??
    checkBoolean(cost.isEstimate, "run.cost.isEstimate")
  );
}

function checkError(error: unknown): EventFault | undefined {
  if (error === undefined) return undefined;
  if (!isObject(error)) return invalid("run.error", "must be an object");
  return (
    requireField(error, "message", "run.error.") ??
    checkString(error.message, "run.error.message") ??
    checkString(error.type, "run.error.type") ??
    checkString(error.code, "run.error.code") ??
    checkString(error.stack, "run.error.stack")
  );
}
