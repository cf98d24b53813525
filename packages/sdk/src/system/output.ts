/** Where lines for a person go. Passed in, so that a test reads them. */
export interface Output {
  /**
   * Resolves when the text was handed to the operating system; rejects with Node's error (EPIPE: nobody reads
   * any more).
   */
  write(text: string): Promise<void>;
}

/** Standard output. It never closes: it is the process's, not ours. */
export const systemOutput: Output = {
  write(text) {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  },
};
