/**
 * Values that must never be printed: keys and tokens from the configuration. Everything that is written for
 * people (logs, status, errors) goes through `redact`, which also knows the forms in which a value travels:
 * JSON, URL and base64.
 */
export class Secrets {
  /** Longest first: one may begin like another, and what is left of it must not show. */
  #variants: readonly string[] = [];

  /** Too short a value would black out ordinary text, and protects nothing. */
  static readonly LENGTH_MIN = 6;

  add(value: string): void {
    if (value.length < Secrets.LENGTH_MIN) return;
    const variants = new Set(this.#variants);
    variants.add(value);
    variants.add(JSON.stringify(value).slice(1, -1));
    variants.add(encodeURIComponent(value));
    variants.add(Buffer.from(value).toString("base64"));
    variants.add(Buffer.from(value).toString("base64url"));
    this.#variants = [...variants].sort((one, other) => other.length - one.length);
  }

  /** Those of a configuration that was read later. */
  adopt(other: Secrets): void {
    const variants = new Set([...this.#variants, ...other.#variants]);
    this.#variants = [...variants].sort((one, other) => other.length - one.length);
  }

  redact(text: string): string {
    let redacted = text;
    for (const variant of this.#variants) {
      if (redacted.includes(variant)) redacted = redacted.replaceAll(variant, "[secret]");
    }
    return redacted;
  }
}

const SECRET_NAME = /key|token|secret|password|authorization|credential/i;

/** Does a setting with this name hold a secret? Rather one too many: the price is a masked word. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}
