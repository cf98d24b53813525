/** A promise that was not kept: what was promised, and what was found. */
class Violation extends Error {
  override readonly name = "Violation";
}

export function demand(holds: boolean, sentence: string | (() => string)): void {
  if (!holds) throw new Violation(typeof sentence === "string" ? sentence : sentence());
}
