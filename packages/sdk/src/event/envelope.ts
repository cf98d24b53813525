import { type EventFault, invalid, isObject } from "./fields.ts";
import { jsonForm, threwForm, threwTag } from "./json-form.ts";
import { checkEvent, type IncomingEvent } from "./validate.ts";

/**
 * An event that an application handed over, as far as it can be sent, or what is wrong with it. Never throws,
 * whatever it is given.
 *
 * The envelope (every object that `checkEvent` looks into) is copied, so that each getter is called once, and
 * what was checked is what is written. What the envelope carries is the application's own, and is read when
 * it is written.
 */
export function readEnvelope(given: unknown): Envelope {
  try {
    return checked(copyOfEvent(given));
  } catch (error) {
    return readWithoutGetters(given, error);
  }
}

export type Envelope =
  | { readonly event: IncomingEvent; readonly fault?: undefined }
  | { readonly event?: undefined; readonly fault: EventFault };

/**
 * Is this a part of the event's envelope, whose fields must be written whatever else is too large? `event` is
 * one that `readEnvelope` returned.
 */
export function isEnvelopePart(part: object, event: object): boolean {
  const { scope, session, tool, run } = event as IncomingEvent;
  if (part === event || part === scope || part === session || part === tool || part === run) return true;
  if (part === run?.request || part === run?.response || part === run?.usage) return true;
  return part === run?.cost || part === run?.error;
}

/** A copy that nobody else has, and that may be changed. */
type Open = Record<string, unknown>;

function checked(event: unknown): Envelope {
  const fault = checkEvent(event);
  // Parsed at the edge: the check is what makes it an event.
  return fault === undefined ? { event: event as IncomingEvent } : { fault };
}

/*
 * Every `{...part}` below stands for itself and is not a call of one function, because the engine remembers
 * for each place in the code which shapes it copied there: that makes the copies seven times cheaper.
 */

function copyOfEvent(given: unknown): unknown {
  const event = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (!isOpen(event)) return event;
  const { scope, session, tool, metadata, tags, run } = event;
  if (scope !== undefined) event["scope"] = copyOfScope(scope);
  if (session !== undefined)
    event["session"] = isPlain(session) ? own({ ...session }, session) : formOf(session);
  if (tool !== undefined) event["tool"] = isPlain(tool) ? own({ ...tool }, tool) : formOf(tool);
  if (metadata !== undefined && !isAsItIs(metadata)) event["metadata"] = formOf(metadata);
  if (tags !== undefined) event["tags"] = formOf(tags);
  if (run !== undefined) event["run"] = copyOfRun(run);
  return event;
}

function copyOfScope(given: unknown): unknown {
  const scope = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (!isOpen(scope)) return scope;
  const { props } = scope;
  if (props !== undefined && !isAsItIs(props)) scope["props"] = formOf(props);
  return scope;
}

function copyOfRun(given: unknown): unknown {
  const run = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (!isOpen(run)) return run;
  const { request, response, usage, cost, error, pieces, truncated, http, attempts } = run;
  if (request !== undefined) run["request"] = copyOfRequest(request);
  if (response !== undefined) run["response"] = copyOfResponse(response);
  if (usage !== undefined) run["usage"] = copyOfUsage(usage);
  if (cost !== undefined) run["cost"] = formOf(cost);
  if (error !== undefined) run["error"] = formOf(error);
  if (pieces !== undefined) run["pieces"] = formOf(pieces);
  if (truncated !== undefined && !isAsItIs(truncated)) run["truncated"] = formOf(truncated);
  if (http !== undefined && !isAsItIs(http)) run["http"] = formOf(http);
  if (attempts !== undefined) run["attempts"] = formOf(attempts);
  return run;
}

function copyOfRequest(given: unknown): unknown {
  const request = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (!isOpen(request)) return request;
  const { params } = request;
  if (params !== undefined && !isAsItIs(params)) request["params"] = formOf(params);
  return request;
}

function copyOfResponse(given: unknown): unknown {
  const response = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (isOpen(response) && response["finishReasons"] !== undefined) {
    response["finishReasons"] = formOf(response["finishReasons"]);
  }
  return response;
}

function copyOfUsage(given: unknown): unknown {
  const usage = isPlain(given) ? own({ ...given }, given) : formOf(given);
  if (!isOpen(usage)) return usage;
  const { raw } = usage;
  if (raw !== undefined && !isAsItIs(raw)) usage["raw"] = formOf(raw);
  return usage;
}

/** The copy, unless the original has a form of its own. */
function own(copy: Open, original: object): unknown {
  return typeof copy["toJSON"] === "function" ? formOf(original) : copy;
}

/** An object that will be written as one, and which the check does not look into. */
function isAsItIs(value: unknown): boolean {
  return isPlain(value) && !("toJSON" in value);
}

/** What will be written for an object or a list, one level deep; any other value as it is. Never throws. */
function formOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  try {
    const form = Array.isArray(value) ? value : jsonForm(value);
    if (typeof form !== "object" || form === null) return form;
    return Array.isArray(form) ? form.slice() : { ...form };
  } catch (error) {
    return threwForm(error);
  }
}

/**
 * For an event with a getter, a toJSON or a Proxy that threw. Which of its getters ran before that cannot be
 * known, and none may run twice: all of them are given what was thrown, and only data is read.
 */
function readWithoutGetters(given: unknown, error: unknown): Envelope {
  try {
    const event = dataOf(given, error);
    if (isOpen(event) && isOpen(event["run"])) event["run"] = dataOf(event["run"], error);
    return checked(event);
  } catch (thrown) {
    return { fault: invalid("", `cannot be read: ${threwTag(thrown)}`) };
  }
}

function dataOf(value: unknown, error: unknown): unknown {
  if (!isObject(value)) return value;
  // An object, so that it is no kind, no id and no name; in any other field it is a tag.
  const thrown = { toJSON: () => threwTag(error) };
  const fields = Object.entries(Object.getOwnPropertyDescriptors(value)).filter(
    ([, field]) => field.enumerable,
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, "value" in field ? field.value : thrown]));
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isOpen(value: unknown): value is Open {
  return isObject(value);
}
