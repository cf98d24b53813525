/** Where lines for a person go. Passed in, so that a test reads them. */
export interface Output {
  /**
   * Resolves when the text was handed to the operating system; rejects with Node's error (EPIPE: nobody reads
   * any more).
   */
  write(text: string): Promise<void>;
}

/** Standard output. It never closes: it is the process's, not ours. */
export const systemOutput: Output = { write: (text) => writeTo(process.stdout, text) };

/** Standard error, likewise. */
export const systemErrorOutput: Output = { write: (text) => writeTo(process.stderr, text) };

function writeTo(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (!error) return resolve();
      // The same error is emitted next, and would end the process although it is told here.
      stream.once("error", () => {});
      reject(error);
    });
  });
}
