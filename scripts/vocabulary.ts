import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

/**
 * Packs OpenAI's published vocabularies, which gpt-tokenizer has as base64 lines in the order of their ranks,
 * for packages/sluice/vocabulary: how many tokens, a byte with the length of each, the bytes of all. Run it
 * when there is another encoding: `npm run vocabulary`.
 */
for (const encoding of ["o200k_base", "cl100k_base"]) {
  const from = fileURLToPath(import.meta.resolve(`gpt-tokenizer/data/${encoding}.tiktoken`));
  const tokens: Buffer[] = [];
  for (const line of readFileSync(from, "utf8").trim().split("\n")) {
    const [token, rank] = line.split(" ");
    if (Number(rank) !== tokens.length) throw new Error(`${encoding}: rank ${rank} is not in order`);
    tokens.push(Buffer.from(token ?? "", "base64"));
  }
  const count = Buffer.alloc(4);
  count.writeUInt32LE(tokens.length);
  const packed = Buffer.concat([count, Buffer.from(tokens.map(({ length }) => length)), ...tokens]);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
  };
  const to = new URL(`../packages/sluice/vocabulary/${encoding}.br`, import.meta.url);
  writeFileSync(to, brotliCompressSync(packed, { params }));
}
