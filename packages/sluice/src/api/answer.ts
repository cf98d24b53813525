import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import { SluiceError } from "../errors.ts";
import { createBodyReader } from "../http/body.ts";
import { sendProblem } from "../http/problem.ts";

/** Does the work; what a person can mend is answered as a sentence. */
export async function answerWith(response: ServerResponse, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!SluiceError.is(error)) throw error;
    sendProblem(response, { status: 422, code: error.code.toLowerCase(), detail: error.message });
  }
}

/** What people ask for is small. */
const BODY_BYTES_MAX = 1024 * 1024;
const bodies = createBodyReader({ bytes: BODY_BYTES_MAX, allBytes: 4 * BODY_BYTES_MAX });

/** A request's JSON in the shape that is asked for; undefined when the answer was given already. */
export async function readRequest<Shape extends z.ZodType>(
  request: IncomingMessage,
  response: ServerResponse,
  shape: Shape,
): Promise<z.output<Shape> | undefined> {
  const body = await bodies.read(request);
  if (body.status === "gone") return undefined;
  if (body.status === "refused") {
    sendProblem(response, body.problem);
    return undefined;
  }
  const parsed = shape.safeParse(jsonOf(body.bytes));
  body.release();
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".");
  const detail = `${field ? `${field}: ` : ""}${issue?.message ?? "The body is not what is expected here."}`;
  sendProblem(response, { status: 400, code: "invalid_request", detail, ...(field && { field }) });
  return undefined;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined; // The shape says what is missing.
  }
}

/** The end of a path, decoded; as it stands there if it is no encoding, so that it is shown in the answer. */
export function lastWord(path: string, prefix: string): string {
  const word = path.slice(prefix.length);
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
