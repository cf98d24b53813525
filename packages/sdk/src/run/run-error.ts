import type { RunError } from "../event/event.ts";

/** Causes further down say what the ones above them said. */
const CAUSES_MAX = 4;

/**
 * Whatever was thrown, as a run tells it. The message is followed by those of its causes ("fetch failed:
 * connect ECONNREFUSED …"), since the last one is mostly the one that helps; code and status are the first
 * that is found on the way down. Never throws, not even for an error whose getters do.
 */
export function runErrorOf(thrown: unknown): RunError {
  try {
    return read(thrown);
  } catch {
    // A getter or a Proxy of the application's. That something was thrown is all that can be said.
    return { message: "Something was thrown that cannot be read." };
  }
}

/** Was it given up on purpose: the error of an AbortSignal, or what a client makes of one? Never throws. */
export function isAbort(thrown: unknown): boolean {
  try {
    if (!isObject(thrown)) return false;
    return (
      thrown.name === "AbortError" || thrown.code === "ABORT_ERR" || nameOf(thrown) === "APIUserAbortError"
    );
  } catch {
    // An error that cannot be read was no abort.
    return false;
  }
}

function read(thrown: unknown): RunError {
  if (typeof thrown === "string" && thrown !== "") return { message: thrown };
  if (!isObject(thrown))
    return { message: `${thrown === "" ? "An empty text" : String(thrown)} was thrown.` };
  const chain = causesOf(thrown);
  const type = textOf(thrown.type) ?? nameOf(thrown);
  const code = first(chain, (error) =>
    typeof error.code === "number" ? String(error.code) : textOf(error.code),
  );
  const status = first(chain, (error) => statusOf(error.status));
  const stack = textOf(thrown.stack);
  return {
    message: messageOf(chain),
    ...(type !== undefined && { type }),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    ...(status !== undefined && { status }),
  };
}

type Thrown = { readonly [name: string]: unknown };

/** The thrown object and the causes below it. */
function causesOf(thrown: Thrown): readonly Thrown[] {
  const chain = [thrown];
  let cause = thrown.cause;
  while (isObject(cause) && chain.length < CAUSES_MAX && !chain.includes(cause)) {
    chain.push(cause);
    cause = cause.cause;
  }
  return chain;
}

function messageOf(chain: readonly Thrown[]): string {
  let joined = "";
  for (const error of chain) {
    const message = textOf(error.message);
    if (message === undefined || joined.includes(message)) continue;
    joined = joined === "" ? message : `${joined.replace(/\.$/, "")}: ${message}`;
  }
  return joined === "" ? `${nameOf(chain[0]) ?? "An object"} was thrown without a message.` : joined;
}

/** Many libraries leave `name` at "Error" and name the class instead. */
function nameOf(error: Thrown | undefined): string | undefined {
  const name = textOf(error?.name);
  if (name !== undefined && name !== "Error") return name;
  const made = error?.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : name;
}

function statusOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 599
    ? value
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function first<Value>(
  chain: readonly Thrown[],
  look: (error: Thrown) => Value | undefined,
): Value | undefined {
  for (const error of chain) {
    const value = look(error);
    if (value !== undefined) return value;
  }
  return undefined;
}

function isObject(value: unknown): value is Thrown {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
