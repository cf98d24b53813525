import type { Operation, Provider } from "../provider.ts";
import { readChatBody, readCompletionBody, readEmbeddingsBody, readResponsesBody } from "./body.ts";
import { openChatStream } from "./chat-stream.ts";
import { openCompletionStream } from "./completion-stream.ts";
import { openResponsesStream } from "./responses-stream.ts";

/** The four operations that make a run. Everything else under OpenAI's API is files, lists and settings. */
const OPERATIONS: readonly (Operation & { readonly path: string })[] = [
  {
    name: "chat",
    path: "/chat/completions",
    runType: "llm",
    inputMember: "messages",
    readBody: readChatBody,
    openStream: openChatStream,
  },
  {
    name: "completion",
    path: "/completions",
    runType: "llm",
    inputMember: "prompt",
    readBody: readCompletionBody,
    openStream: openCompletionStream,
  },
  {
    name: "embeddings",
    path: "/embeddings",
    runType: "embedding",
    inputMember: "input",
    readBody: readEmbeddingsBody,
    openStream: openChatStream,
  },
  {
    name: "responses",
    path: "/responses",
    runType: "llm",
    inputMember: "input",
    readBody: readResponsesBody,
    openStream: openResponsesStream,
  },
];

/**
 * OpenAI's wire format, which many others speak. Operations are told by the end of the path, whatever stands
 * before it.
 */
export const openai: Provider = {
  name: "openai",
  operation(path) {
    const query = path.indexOf("?");
    const bare = (query < 0 ? path : path.slice(0, query)).replace(/\/$/, "");
    return OPERATIONS.find((operation) => bare.endsWith(operation.path));
  },
};
