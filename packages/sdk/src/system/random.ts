import { randomFillSync } from "node:crypto";

/** Randomness comes from here and is passed in, so that a test can replay a seed. */
export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** Fills and returns `bytes`. */
  fill(bytes: Uint8Array): Uint8Array;
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  fill: (bytes) => randomFillSync(bytes),
};

/** The same numbers for the same seed (mulberry32). For tests and simulations, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const fill = (bytes: Uint8Array) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(fraction() * 256);
    return bytes;
  };
  return { fraction, fill };
}
