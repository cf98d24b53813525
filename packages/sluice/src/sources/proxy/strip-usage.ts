/** Changes a streamed body on its way to the client. Only ever used for calls that we have asked to. */
export interface StreamFilter {
  pass(chunk: Buffer): Buffer;
  /** What is still held back when the stream ends. */
  end(): Buffer;
}
