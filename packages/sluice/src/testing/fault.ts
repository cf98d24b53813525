import type { Socket } from "node:net";
import { Readable } from "node:stream";

/**
 * What can go wrong on the wire after a request has arrived. Nothing was done, whatever it says.
 *
 * Silence: "hang": never an answer. "hangAfterHeaders": a status, and then nothing. "continueForever":
 * `100 Continue`, and then nothing.
 *
 * Breaks: "reset": the connection is torn down before the status. "resetAfterStatus": it says 200 and a part
 * of a body first.
 *
 * Too much: "endless": 200, and bytes for as long as anybody reads. "hugeHeader": 200 with a header of 10 MB.
 * "continueFlood" and "processingFlood": `100 Continue` or `102 Processing` for as long as anybody reads, and
 * never a final status.
 *
 * No HTTP: "garbage": a banner of another protocol. "tlsAlert": what a port for TLS says to who speaks none.
 */
export type Fault = keyof typeof FAULTS;

/** Does it to the connection that the request came on. */
export function inflict(fault: Fault, socket: Socket): void {
  FAULTS[fault](socket);
}

const OK = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const PIECE = Buffer.alloc(64 * 1024, "x");
/** With PIECE, 10 MB. */
const HUGE_PIECES = 160;

const FAULTS = {
  hang() {},
  hangAfterHeaders: (socket: Socket) => socket.write(`${OK}content-length: 1000\r\n\r\n`),
  continueForever: (socket: Socket) => socket.write("HTTP/1.1 100 Continue\r\n\r\n"),
  reset: (socket: Socket) => socket.resetAndDestroy(),
  resetAfterStatus: (socket: Socket) =>
    socket.write(`${OK}content-length: 1000\r\n\r\n{"res`, () => socket.resetAndDestroy()),
  endless: (socket: Socket) => pour(socket, [`${OK}\r\n`], forever(PIECE)),
  hugeHeader: (socket: Socket) =>
    pour(socket, [`${OK}content-length: 2\r\nx-huge: `], Array(HUGE_PIECES).fill(PIECE), ["\r\n\r\n{}"]),
  continueFlood: (socket: Socket) => pour(socket, forever(manyTimes("HTTP/1.1 100 Continue\r\n\r\n"))),
  processingFlood: (socket: Socket) => pour(socket, forever(manyTimes("HTTP/1.1 102 Processing\r\n\r\n"))),
  garbage: (socket: Socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"),
  tlsAlert: (socket: Socket) => socket.end(TLS_ALERT),
} satisfies Record<string, (socket: Socket) => unknown>;

/** A record of type alert, in TLS 1.2: fatal, unexpected message. */
export const TLS_ALERT = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a);

/** No faster than it is read: what is too much is never held here. */
function pour(socket: Socket, ...parts: readonly Iterable<string | Uint8Array>[]): void {
  const bytes = function* () {
    for (const part of parts) yield* part;
  };
  Readable.from(bytes()).pipe(socket);
}

function* forever(bytes: Uint8Array): Iterable<Uint8Array> {
  for (;;) yield bytes;
}

function manyTimes(words: string): Buffer {
  return Buffer.from(words.repeat(1_000));
}
