import type { JsonObject, RunRequest } from "../../event/event.ts";
import { compactJson, membersOf } from "../json-members.ts";
import type { Operation } from "../provider.ts";
import { parseObject } from "./wire.ts";

/** A request as it is stored: the JSON text of a `RunRequest`, made of the sender's own text. */
export interface RequestText {
  readonly json: string;
  readonly model?: string;
  readonly stream?: boolean;
}

/** Deeper requests are stored as text: what reads events later may walk them recursively. */
const DEPTH_MAX = 64;

/** Reads a request that is at hand as a value. */
export function readRequest(operation: Operation, body: JsonObject): RunRequest {
  const isParam = ([name]: readonly [string, unknown]) =>
    name !== "model" && name !== "stream" && name !== operation.inputMember;
  const params = Object.fromEntries(Object.entries(body).filter(isParam));
  const { model, stream, [operation.inputMember]: input } = body;
  return {
    ...(typeof model === "string" && { model }),
    ...(input !== undefined && { input }),
    ...(Object.keys(params).length > 0 && { params }),
    ...(typeof stream === "boolean" && { stream }),
  };
}

/**
 * Reads a request from its text. A text that is no JSON object becomes the input as it is, and so does the
 * part that was kept of a longer one (`isCut`), as far as it belongs to the input.
 */
export function readRequestText(operation: Operation, text: string, isCut: boolean): RequestText {
  const body = isCut ? undefined : parseObject(text);
  const { members, depth } = membersOf(text);
  if ((body === undefined && !isCut) || depth >= DEPTH_MAX || (isCut && members.length === 0)) {
    return { json: `{"input":${JSON.stringify(text)}}`, ...modelAndStream(body) };
  }
  const isOneLine = !/[\n\r]/.test(text);
  let input = "";
  let params = "";
  const seen: Record<string, unknown> = {};
  for (const member of members) {
    const isValid =
      !member.isCut && (!isCut || parseObject(`{"${member.name}":${member.raw}}`) !== undefined);
    const raw = !isValid ? JSON.stringify(member.raw) : isOneLine ? member.raw : compactJson(member.raw);
    if (member.name === operation.inputMember) input = raw;
    else if ((member.name === "model" || member.name === "stream") && !member.isCut) {
      if (isCut) seen[member.name] = parseObject(`{"value":${raw}}`)?.value;
    } else params += `${params === "" ? "" : ","}"${member.name}":${raw}`;
  }
  const known = modelAndStream(body ?? seen);
  return { json: requestJson(known, input, params), ...known };
}

function requestJson(known: Omit<RequestText, "json">, input: string, params: string): string {
  let json = "";
  if (known.model !== undefined) json += `,"model":${JSON.stringify(known.model)}`;
  if (input !== "") json += `,"input":${input}`;
  if (params !== "") json += `,"params":{${params}}`;
  if (known.stream !== undefined) json += `,"stream":${known.stream}`;
  return `{${json.slice(1)}}`;
}

function modelAndStream(body: Record<string, unknown> | JsonObject | undefined): Omit<RequestText, "json"> {
  const model = body?.model;
  const stream = body?.stream;
  return {
    ...(typeof model === "string" && { model }),
    ...(typeof stream === "boolean" && { stream }),
  };
}
