import { isJsonObject, memberOf, readInteger, readText } from "./json-member.ts";
import { eachField, type WireValue } from "./wire-fields.ts";

/** As the answer's content type has it: protobuf in protobuf, JSON in JSON. */
export type OtlpEncoding = "protobuf" | "json";

/** What could not be read, in words for people. They hold nothing of what the backend said. */
export interface Unreadable {
  readonly status: "unreadable";
  readonly reason: string;
}

/** None rejected, and no message, is full success. None rejected and a message is a warning. */
export interface TraceResponse {
  readonly status: "read";
  readonly rejectedSpans: number;
  readonly errorMessage: string;
}

/** The google.rpc.Status of a refusal. 0 stands for a code that is not there. */
export interface RpcStatus {
  readonly status: "read";
  readonly code: number;
  readonly message: string;
}

/** The field numbers of what is read. Any other field is passed over, as the protocol demands. */
const RESPONSE = { partialSuccess: 1 } as const;
const PARTIAL_SUCCESS = { rejectedSpans: 1, errorMessage: 2 } as const;
const STATUS = { code: 1, message: 2 } as const;

/**
 * Reads the ExportTraceServiceResponse of a 200. An empty body is full success in both encodings: in
 * protobuf it is the message without fields, and servers send no more in JSON either. Never throws.
 */
export function decodeTraceResponse(body: Uint8Array, encoding: OtlpEncoding): TraceResponse | Unreadable {
  const read = encoding === "protobuf" ? protoPartialSuccess(body) : jsonPartialSuccess(body);
  if (typeof read === "string") return { status: "unreadable", reason: read };
  const rejectedSpans = Number(read.rejectedSpans);
  if (rejectedSpans < 0 || !Number.isSafeInteger(rejectedSpans)) {
    return { status: "unreadable", reason: `rejectedSpans is ${read.rejectedSpans}, which is no count` };
  }
  return { status: "read", rejectedSpans, errorMessage: read.errorMessage };
}

/** Reads the Status in the body of a refusal. Many servers answer something else. Never throws. */
export function decodeRpcStatus(body: Uint8Array, encoding: OtlpEncoding): RpcStatus | Unreadable {
  const read = encoding === "protobuf" ? protoStatus(body) : jsonStatus(body);
  return typeof read === "string" ? { status: "unreadable", reason: read } : { status: "read", ...read };
}

interface PartialSuccess {
  rejectedSpans: bigint;
  errorMessage: string;
}

function protoPartialSuccess(body: Uint8Array): PartialSuccess | string {
  const read: PartialSuccess = { rejectedSpans: 0n, errorMessage: "" };
  let fault: string | undefined;
  const onPartialSuccess = (number: number, value: WireValue) => {
    if (number === PARTIAL_SUCCESS.rejectedSpans && typeof value === "bigint") {
      read.rejectedSpans = BigInt.asIntN(64, value);
    }
    if (number === PARTIAL_SUCCESS.errorMessage) read.errorMessage = textOf(value) ?? read.errorMessage;
  };
  const outerFault = eachField(body, (number, value) => {
    if (number !== RESPONSE.partialSuccess || typeof value === "bigint") return;
    fault ??= eachField(value, onPartialSuccess);
  });
  if (outerFault !== undefined) return outerFault;
  return fault === undefined ? read : `in partial_success, ${fault}`;
}

function protoStatus(body: Uint8Array): { code: number; message: string } | string {
  const read = { code: 0, message: "" };
  const fault = eachField(body, (number, value) => {
    if (number === STATUS.code && typeof value === "bigint") read.code = Number(BigInt.asIntN(32, value));
    if (number === STATUS.message) read.message = textOf(value) ?? read.message;
  });
  return fault ?? read;
}

/** Undefined if it is a number. What is not UTF-8 is replaced: the words are for people. */
function textOf(value: WireValue): string | undefined {
  return typeof value === "bigint" ? undefined : new TextDecoder().decode(value);
}

function jsonPartialSuccess(body: Uint8Array): PartialSuccess | string {
  if (body.length === 0) return { rejectedSpans: 0n, errorMessage: "" };
  const response = parseJson(body);
  if (!isJsonObject(response)) return "it is not a JSON object";
  const partialSuccess = memberOf(response, "partialSuccess") ?? {};
  if (!isJsonObject(partialSuccess)) return "partialSuccess is not an object";
  const rejectedSpans = readInteger(memberOf(partialSuccess, "rejectedSpans"));
  if (rejectedSpans === undefined) return "rejectedSpans is not a whole number";
  const errorMessage = readText(memberOf(partialSuccess, "errorMessage"));
  if (errorMessage === undefined) return "errorMessage is not a text";
  return { rejectedSpans, errorMessage };
}

function jsonStatus(body: Uint8Array): { code: number; message: string } | string {
  const status = parseJson(body);
  if (!isJsonObject(status)) return "it is not a JSON object";
  const code = readInteger(memberOf(status, "code"));
  if (code === undefined || BigInt.asIntN(32, code) !== code) return "code is not a whole number of 32 bits";
  const message = readText(memberOf(status, "message"));
  return message === undefined ? "message is not a text" : { code: Number(code), message };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined; // HTML, a cut body: no object, which is what the caller asks for.
  }
}
