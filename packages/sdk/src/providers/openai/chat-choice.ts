import type { Json, JsonObject } from "../../event/event.ts";
import { indexOf, listOf, objectOf, textOf } from "./wire.ts";

/** How many characters may still be kept, shared by all choices of a stream. */
export interface Room {
  left: number;
  isCut: boolean;
}

/** Tool calls of one message. More than any model makes; an index beyond it is a provider gone wrong. */
const TOOL_CALLS_MAX = 1_024;
/**
 * Texts of a delta that are joined as they come. The last two are what compatible servers call their
 * thoughts.
 */
const TEXTS = ["refusal", "reasoning", "reasoning_content"] as const;

interface CallFragments {
  id?: string;
  type?: string;
  name?: string;
  /** `arguments` of a function, `input` of a custom tool. */
  text: string;
  isCustom: boolean;
}

/**
 * One choice of a chat stream, growing: joins what its deltas say into the message that a JSON answer would
 * have had.
 */
export class ChatChoice {
  readonly #room: Room;
  readonly #calls: CallFragments[] = [];
  readonly #texts: { [name in (typeof TEXTS)[number]]?: string } = {};
  #role = "assistant";
  #content: string | undefined;
  #legacyCall: { name?: string; text: string } | undefined;
  #audio: { id?: string; transcript: string } | undefined;
  #annotations: Json[] = [];
  finishReason: string | undefined;

  constructor(room: Room) {
    this.#room = room;
  }

  finish(reason: string | undefined): void {
    if (reason !== undefined) this.finishReason = reason;
  }

  addContent(text: string): void {
    this.#content = (this.#content ?? "") + this.#kept(text);
  }

  /** True when the delta said something: a token, a thought, a piece of a tool call. */
  add(delta: JsonObject): boolean {
    const role = textOf(delta.role);
    if (role !== undefined) this.#role = role;
    const content = delta.content;
    if (typeof content === "string") this.addContent(content);
    let hasSaid = textOf(content) !== undefined;
    for (const name of TEXTS) {
      const text = textOf(delta[name]);
      if (text === undefined) continue;
      this.#texts[name] = (this.#texts[name] ?? "") + this.#kept(text);
      hasSaid = true;
    }
    for (const value of listOf(delta.tool_calls)) {
      const fragment = objectOf(value);
      if (fragment !== undefined) this.#addToolCall(fragment);
      hasSaid = true;
    }
    this.#annotations.push(...listOf(delta.annotations));
    const hasCalled = this.#addLegacyCall(objectOf(delta.function_call));
    const hasSpoken = this.#addAudio(objectOf(delta.audio));
    return hasSaid || hasCalled || hasSpoken;
  }

  /** The message so far, in the shape of a JSON answer's. */
  message(): JsonObject {
    const calls = this.#calls.filter((call) => call !== undefined);
    const legacy = this.#legacyCall;
    return {
      role: this.#role,
      content: this.#content ?? null,
      ...this.#texts,
      ...(calls.length > 0 && { tool_calls: calls.map(messageCall) }),
      ...(legacy !== undefined && { function_call: { name: legacy.name, arguments: legacy.text } }),
      ...(this.#audio !== undefined && { audio: { ...this.#audio } }),
      ...(this.#annotations.length > 0 && { annotations: this.#annotations }),
    };
  }

  #addToolCall(fragment: JsonObject): void {
    const index = indexOf(fragment.index);
    if (index >= TOOL_CALLS_MAX) return;
    const custom = objectOf(fragment.custom);
    const asked = objectOf(fragment.function) ?? custom;
    const call = this.#calls[index] ?? { text: "", isCustom: false };
    this.#calls[index] = call;
    // Id, type and name come once, with the first fragment; a server that repeats them changes nothing.
    const id = textOf(fragment.id);
    const type = textOf(fragment.type);
    const name = textOf(asked?.name);
    if (id !== undefined) call.id ??= id;
    if (type !== undefined) call.type ??= type;
    if (name !== undefined) call.name ??= name;
    if (custom !== undefined) call.isCustom = true;
    call.text += this.#kept(argumentsOf(asked));
  }

  #addLegacyCall(fragment: JsonObject | undefined): boolean {
    if (fragment === undefined) return false;
    this.#legacyCall ??= { text: "" };
    const name = textOf(fragment.name);
    if (name !== undefined) this.#legacyCall.name ??= name;
    this.#legacyCall.text += this.#kept(argumentsOf(fragment));
    return true;
  }

  /** Of spoken output the transcript is kept; the sound is not text. */
  #addAudio(audio: JsonObject | undefined): boolean {
    if (audio === undefined) return false;
    this.#audio ??= { transcript: "" };
    const id = textOf(audio.id);
    if (id !== undefined) this.#audio.id = id;
    this.#audio.transcript += this.#kept(textOf(audio.transcript) ?? "");
    return true;
  }

  #kept(text: string): string {
    const { left } = this.#room;
    this.#room.left -= Math.min(left, text.length);
    if (text.length <= left) return text;
    this.#room.isCut = true;
    return text.slice(0, left);
  }
}

/** Text, as OpenAI sends it, or the object that some compatible servers send at once. */
function argumentsOf(asked: JsonObject | undefined): string {
  const value = asked?.arguments ?? asked?.input;
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function messageCall(call: CallFragments): JsonObject {
  const asked = { name: call.name, [call.isCustom ? "input" : "arguments"]: call.text };
  return {
    ...(call.id !== undefined && { id: call.id }),
    type: call.type ?? (call.isCustom ? "custom" : "function"),
    [call.isCustom ? "custom" : "function"]: asked,
  };
}
