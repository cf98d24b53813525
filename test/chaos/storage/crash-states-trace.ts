/** A call that took effect, as test/chaos/native/record.c has recorded it. Its head says what an entry is. */
export type Call =
  | { readonly kind: "create"; readonly path: string; readonly inode: bigint }
  | {
      readonly kind: "write";
      readonly inode: bigint;
      readonly position: number;
      readonly bytes: Buffer;
    }
  | { readonly kind: "truncate"; readonly inode: bigint; readonly sizeBytes: number }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "makeDirectory"; readonly path: string; readonly inode: bigint }
  | { readonly kind: "syncBegin"; readonly inode: bigint; readonly descriptor: number }
  | { readonly kind: "syncEnd"; readonly inode: bigint; readonly descriptor: number }
  | { readonly kind: "mark"; readonly text: string };

const ENTRY_BYTES = 32;

export function readTrace(trace: Buffer): readonly Call[] {
  const calls: Call[] = [];
  for (let at = 0; at < trace.length; ) {
    const dataAt = at + ENTRY_BYTES + trace.readUInt16LE(at + 2) + trace.readUInt16LE(at + 4);
    const end = dataAt + trace.readUInt32LE(at + 24);
    calls.push(callAt(trace, at, trace.subarray(dataAt, end)));
    at = end;
  }
  return calls;
}

function callAt(trace: Buffer, at: number, bytes: Buffer): Call {
  const inode = trace.readBigUInt64LE(at + 8);
  const number = Number(trace.readBigUInt64LE(at + 16));
  const pathEnd = at + ENTRY_BYTES + trace.readUInt16LE(at + 2);
  const path = trace.toString("utf8", at + ENTRY_BYTES, pathEnd);
  const to = trace.toString("utf8", pathEnd, pathEnd + trace.readUInt16LE(at + 4));
  switch (trace[at]) {
    case 1:
      return { kind: "create", path, inode };
    case 2:
      return { kind: "write", inode, position: number, bytes };
    case 3:
      return { kind: "truncate", inode, sizeBytes: number };
    case 4:
      return { kind: "rename", path, to };
    case 5:
      return { kind: "remove", path };
    case 6:
      return { kind: "makeDirectory", path, inode };
    case 7:
      return { kind: "syncBegin", inode, descriptor: number };
    case 8:
      return { kind: "syncEnd", inode, descriptor: number };
    case 9:
      return { kind: "mark", text: bytes.toString() };
    default:
      throw new Error(`the trace has an entry of kind ${trace[at]} at ${at}`);
  }
}
