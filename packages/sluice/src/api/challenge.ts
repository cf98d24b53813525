import { createHmac } from "node:crypto";

/**
 * A caller sends a random text here and gets back its HMAC under the daemon's nonce: proof that it is the one
 * of daemon.json.
 */
export const CHALLENGE_HEADER = "x-sluice-challenge";
export const PROOF_HEADER = "x-sluice-proof";

/** What a daemon with this nonce answers to a challenge. */
export function proofOf(nonce: string, challenge: string): string {
  return createHmac("sha256", nonce).update(challenge).digest("hex");
}
