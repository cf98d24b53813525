import { types } from "node:util";
import { isRawNumber } from "./codec.ts";

/*
 * What stands in an event for a value that JSON has no form for. Whoever reads the event in a backend should
 * see what was there: as much of it as is useful, and where only a tag is possible, what it was. The table is
 * in docs/spec/event.md, section 7.1.
 */

export const CIRCULAR = "[Circular]";
export const TOO_DEEP = "[cut: too deep]";
/** The key under which an object says how many keys it lost. */
export const CUT_KEY = "[cut]";

/** Bytes of a binary value that are kept: a small picture. More belongs into a file. */
const BINARY_BYTES_MAX = 64 * 1024;
/** A longer bigint is not printed: the time to do so grows with its square. */
const BIGINT_BITS_MAX = 8_192;

export function cutTag(count: number, unit: "characters" | "keys" | "items" | "bytes"): string {
  return `[cut: ${count} ${unit}]`;
}

/** For an object that threw while it was read: a Proxy, a toJSON. It stays an object, which some fields need. */
export function threwForm(error: unknown): object {
  return { "[Threw]": threwMessage(error) };
}

/** For a getter that threw. */
export function threwTag(error: unknown): string {
  const message = threwMessage(error);
  return message === "" ? "[Threw]" : `[Threw: ${message}]`;
}

function threwMessage(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return ""; // What was thrown throws when it is looked at.
  }
}

/** One item of a list, which a list of the application's own may refuse. */
export function itemOf(list: readonly unknown[], index: number): unknown {
  try {
    return list[index];
  } catch (error) {
    return threwTag(error);
  }
}

/** Infinity, -Infinity and NaN. */
export function numberTag(value: number): string {
  return `[${value}]`;
}

/** Whatever `typeof` calls bigint, symbol or function. */
export function primitiveTag(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return bigintTag(value);
    case "symbol":
      return value.description === undefined ? "[Symbol]" : `[Symbol: ${value.description}]`;
    default:
      return tagOf("Function", nameOf(value));
  }
}

/**
 * What is written for an object that is neither a plain object nor a plain array: text, a number, a list or
 * an object whose fields JSON can write or which have forms of their own. Calls the object's toJSON, once,
 * unless told otherwise, and otherwise as little of its code as possible. Throws what that throws.
 */
export function jsonForm(value: object, mayCallToJson = true): unknown {
  if (types.isDate(value)) return dateForm(value);
  if (types.isNativeError(value) || value instanceof Error) return errorForm(value);
  if (types.isMap(value)) return mapForm(value);
  if (types.isSet(value)) return [...Set.prototype.values.call(value)];
  if (types.isRegExp(value)) return `[RegExp: ${RegExp.prototype.toString.call(value)}]`;
  if (types.isBoxedPrimitive(value)) return boxedForm(value);
  if (types.isArrayBufferView(value)) return viewForm(value);
  if (types.isAnyArrayBuffer(value)) return binaryForm("ArrayBuffer", new Uint8Array(value));
  if (mayCallToJson && "toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  if (isRawNumber(value) || isList(value) || hasFields(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? value : tagOf(classOf(value));
}

/** Lists, as far as the writer is concerned: arrays and arrays of numbers. */
export function isList(value: object): value is readonly unknown[] {
  return Array.isArray(value) || types.isTypedArray(value);
}

function bigintTag(value: bigint): string {
  const isLong = BigInt.asIntN(BIGINT_BITS_MAX, value) !== value;
  return isLong ? `[BigInt: more than ${BIGINT_BITS_MAX} bits]` : `[BigInt: ${value}]`;
}

function dateForm(date: Date): string {
  const ms = Date.prototype.getTime.call(date);
  return Number.isNaN(ms) ? "[Invalid Date]" : new Date(ms).toISOString();
}

/** Name, message, stack and cause are not enumerable, and the first thing that anybody wants to know. */
function errorForm(error: Error): object {
  const form: Record<string, unknown> = {};
  const names = ["name", "message", "stack", "cause", "errors"].filter((name) => name in error);
  for (const name of new Set([...names, ...Object.keys(error)])) {
    // Defined and not assigned: an own key may be __proto__.
    const field = { value: fieldOf(error, name), enumerable: true };
    Object.defineProperty(form, name, field);
  }
  return form;
}

function fieldOf(error: object, name: string): unknown {
  try {
    return Reflect.get(error, name);
  } catch (thrown) {
    return threwTag(thrown);
  }
}

/** An object where it can be one; else pairs, because a key that became text would be another key. */
function mapForm(map: ReadonlyMap<unknown, unknown>): unknown {
  const entries = [...Map.prototype.entries.call(map)];
  const hasNames = entries.every(([key]) => typeof key === "string");
  return hasNames ? Object.fromEntries(entries) : entries;
}

function boxedForm(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return Symbol.prototype.valueOf.call(value);
}

/** Bytes are base64; other typed arrays are numbers, as an embedding is. */
function viewForm(view: NodeJS.ArrayBufferView): unknown {
  const isBytes = types.isUint8Array(view) || types.isUint8ClampedArray(view) || types.isDataView(view);
  if (!isBytes) return view;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return binaryForm(Buffer.isBuffer(view) ? "Buffer" : classOf(view), bytes);
}

function binaryForm(name: string, bytes: Uint8Array): string {
  const kept = bytes.subarray(0, BINARY_BYTES_MAX);
  const base64 = Buffer.from(kept.buffer, kept.byteOffset, kept.length).toString("base64");
  const cut = bytes.length > kept.length ? `… ${cutTag(bytes.length - kept.length, "bytes")}` : "";
  return `[${name}: ${bytes.length} bytes, base64: ${base64}${cut}]`;
}

function hasFields(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return true;
  return false;
}

function classOf(value: object): string {
  return nameOf(value.constructor) || "Object";
}

function nameOf(named: unknown): string {
  if (typeof named !== "function") return "";
  return typeof named.name === "string" ? named.name : "";
}

function tagOf(what: string, name = ""): string {
  return name === "" ? `[${what}]` : `[${what}: ${name}]`;
}
