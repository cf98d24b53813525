/** A request that is none of the protocol's; the message says what is wrong with it, for the answer's body. */
export class Malformed extends Error {}
