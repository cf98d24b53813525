import type { Json, JsonObject } from "@sluice/sdk";
import { decodeJson, numberOf, objectOf } from "@sluice/sdk/internal";

/** A part of a message, as the schemas of `gen_ai.input.messages` and `gen_ai.output.messages` have it. */
export type Part = JsonObject & { readonly type: string };

/**
 * The content of a message, from whatever provider it came: OpenAI's texts, parts and response items,
 * Anthropic's blocks, Gemini's parts, the AI SDK's. A part with a type that is not known stays as it is, and
 * what has no type is a text. Signatures of thoughts, and thoughts that a provider has sealed, are left out:
 * they serve the provider alone.
 */
export function partsOf(content: Json | undefined): readonly Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [textPart(content)];
  if (Array.isArray(content)) return (content as readonly Json[]).flatMap(partsOf);
  const object = numberOf(content) === undefined ? objectOf(content) : undefined;
  if (object === undefined) return [textPart(JSON.stringify(content))];
  const { type } = object;
  if (typeof type !== "string") return geminiParts(object);
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  return read ? read(object) : [{ ...unsealed(object), type }];
}

export function textPart(content: string): Part {
  return { type: "text", content };
}

/** Thoughts: a text, or a list of pieces of it. */
export function reasoningParts(thoughts: Json | undefined): readonly Part[] {
  return partsOf(thoughts).map((part) => ({ ...part, type: "reasoning" }));
}

/** Arguments as an object where they are the text of one; providers send text that need not be JSON. */
export function toolCallPart(id: Json | undefined, name: Json | undefined, given: Json | undefined): Part {
  return { type: "tool_call", ...(id !== undefined && { id }), name: name ?? "", arguments: parsed(given) };
}

export function toolResponsePart(id: Json | undefined, response: Json | undefined): Part {
  return { type: "tool_call_response", ...(id !== undefined && { id }), response: response ?? null };
}

type Read = (part: JsonObject) => readonly Part[];

const text: Read = ({ text, content }) => partsOf(text ?? content);
const call: Read = (part) => [toolCallPart(part.call_id ?? part.id, part.name, part.arguments ?? part.input)];
const callOutput: Read = (part) => [toolResponsePart(part.call_id, part.output)];

/** By `type`: OpenAI's, then those of its responses, Anthropic's, the AI SDK's. */
const READERS: Readonly<Record<string, Read>> = {
  text,
  refusal: ({ refusal }) => partsOf(refusal),
  image_url: ({ image_url: image }) => mediaParts("image", objectOf(image)?.url ?? image),
  input_audio: ({ input_audio: audio }) => {
    const { data, format } = objectOf(audio) ?? {};
    return [blobPart("audio", typeof format === "string" ? `audio/${format}` : undefined, data)];
  },
  file: (part) => fileParts(objectOf(part.file) ?? part),

  input_text: text,
  output_text: text,
  summary_text: text,
  reasoning_text: text,
  message: ({ content }) => partsOf(content),
  reasoning: ({ summary, content, text: thought }) =>
    [summary, content, thought].flatMap((each) => reasoningParts(each)),
  input_image: (part) =>
    part.file_id === undefined ? mediaParts("image", part.image_url) : filePart("image", part.file_id),
  input_file: (part) => fileParts(part),
  function_call: call,
  custom_tool_call: call,
  function_call_output: callOutput,
  custom_tool_call_output: callOutput,

  thinking: ({ thinking }) => reasoningParts(thinking),
  redacted_thinking: () => [],
  image: (part) => sourceParts("image", part),
  document: (part) => sourceParts("document", part),
  tool_use: ({ id, name, input }) => [toolCallPart(id, name, input)],
  tool_result: ({ tool_use_id: id, content }) => [toolResponsePart(id, content)],

  "tool-call": (part) => [toolCallPart(part.toolCallId, part.toolName, part.input ?? part.args)],
  "tool-result": (part) => [toolResponsePart(part.toolCallId, part.output ?? part.result)],
};

/** Gemini's parts have no type: their one key says what they are. */
function geminiParts(part: JsonObject): readonly Part[] {
  if (typeof part.text === "string") {
    return part.thought === true ? reasoningParts(part.text) : [textPart(part.text)];
  }
  const asked = objectOf(part.functionCall);
  if (asked) return [toolCallPart(asked.id, asked.name, asked.args)];
  const answered = objectOf(part.functionResponse);
  if (answered) return [toolResponsePart(answered.id ?? answered.name, answered.response)];
  const blob = objectOf(part.inlineData);
  if (blob) return [blobPart(modalityOf(blob.mimeType), blob.mimeType, blob.data)];
  const file = objectOf(part.fileData);
  if (file) return [uriPart(modalityOf(file.mimeType), file.fileUri)];
  return [textPart(JSON.stringify(unsealed(part)))];
}

/** Anthropic's `source`; the AI SDK's image is a URL or base64 by itself. */
function sourceParts(modality: string, part: JsonObject): readonly Part[] {
  const source = objectOf(part.source);
  if (!source) return mediaParts(modality, part.image ?? part.data);
  if (source.type === "base64") return [blobPart(modality, source.media_type, source.data)];
  if (source.url !== undefined) return [uriPart(modality, source.url)];
  if (source.file_id !== undefined) return filePart(modality, source.file_id);
  return partsOf(source.data ?? source.content);
}

function fileParts(file: JsonObject): readonly Part[] {
  if (file.file_id !== undefined) return filePart("document", file.file_id);
  return mediaParts("document", file.file_data ?? file.file_url ?? file.data);
}

/** No character has two places in it: of what only begins like one, however long, it would try all pairs. */
const DATA_URL = /^data:([^;,]*)(?:;[^;,]*)*?;base64,/;

/** A URL; one that holds its data is a blob. */
function mediaParts(modality: string, url: Json | undefined): readonly Part[] {
  if (typeof url !== "string") return [];
  const [head, mimeType] = DATA_URL.exec(url) ?? [];
  if (head === undefined) return [uriPart(modality, url)];
  return [blobPart(modality, mimeType || undefined, url.slice(head.length))];
}

function blobPart(modality: string, mimeType: Json | undefined, content: Json | undefined): Part {
  return {
    type: "blob",
    modality,
    ...(mimeType !== undefined && { mime_type: mimeType }),
    content: content ?? "",
  };
}

function uriPart(modality: string, uri: Json | undefined): Part {
  return { type: "uri", modality, uri: uri ?? "" };
}

function filePart(modality: string, id: Json): readonly Part[] {
  return [{ type: "file", modality, file_id: id }];
}

function modalityOf(mimeType: Json | undefined): string {
  const kind = typeof mimeType === "string" ? (mimeType.split("/", 1)[0] ?? "") : "";
  return ["image", "video", "audio"].includes(kind) ? kind : "document";
}

const SEALED = new Set(["signature", "thoughtSignature", "thought_signature", "encrypted_content"]);

function unsealed(part: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(part).filter(([name]) => !SEALED.has(name)));
}

function parsed(given: Json | undefined): Json {
  if (typeof given !== "string") return given ?? null;
  try {
    return objectOf(decodeJson(given)) ?? given;
  } catch {
    return given; // The model wrote no JSON: its words are what there is.
  }
}
