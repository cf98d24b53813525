import { type ServerResponse, STATUS_CODES } from "node:http";
import { type Clock, sleep } from "@sluice/sdk/internal";

/** What a backend says. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Text and bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Wait before the status line. */
  readonly delayMs?: number;
  readonly drip?: Drip;
}

/** Send the answer in pieces, with a wait before each. */
interface Drip {
  readonly bytes: number;
  readonly everyMs: number;
  /** Where it begins to drip. Default: the body, with the headers in one piece before it. */
  readonly from?: "status" | "body";
}

/** Ends early, and without a word, where the signal aborts. */
export async function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  // Not even for no time: under a clock that is moved by hand that would be a wait.
  if (answer.delayMs) await sleep(clock, answer.delayMs, signal);
  const { status = 200, drip } = answer;
  const isText = typeof answer.body === "string" || answer.body instanceof Uint8Array;
  const body = Buffer.from(isText ? (answer.body as string) : (JSON.stringify(answer.body) ?? ""));
  const type = isText || answer.body === undefined ? {} : { "content-type": "application/json" };
  const headers = { ...type, ...answer.headers };
  if (drip?.from === "status") {
    // The head is written by hand: Node's own writer has no half of one.
    const whole = Buffer.concat([Buffer.from(headOf(status, headers, body.length)), body]);
    await inPieces(whole, drip, clock, signal, (piece) => response.socket?.write(piece));
    response.socket?.end();
    return;
  }
  response.writeHead(status, headers);
  if (drip) await inPieces(body, drip, clock, signal, (piece) => response.write(piece));
  else if (body.length > 0) response.write(body);
  response.end();
}

async function inPieces(
  bytes: Buffer,
  drip: Drip,
  clock: Clock,
  signal: AbortSignal,
  write: (piece: Buffer) => void,
): Promise<void> {
  for (let position = 0; position < bytes.length && !signal.aborted; position += drip.bytes) {
    await sleep(clock, drip.everyMs, signal);
    write(bytes.subarray(position, position + drip.bytes));
  }
}

function headOf(status: number, headers: NonNullable<Answer["headers"]>, bodyBytes: number): string {
  const lines = Object.entries({ ...headers, "content-length": String(bodyBytes) }).flatMap(
    ([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`;
}
