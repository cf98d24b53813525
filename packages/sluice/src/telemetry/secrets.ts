/**
 * Values that must never be printed: keys and tokens from the configuration. Everything that is written for
 * people (logs, status, errors) goes through `redact`, which also knows the forms in which a value travels:
 * JSON, URL and base64.
 */
export class Secrets {
  readonly #variants = new Set<string>();

  /** Too short a value would black out ordinary text, and protects nothing. */
  static readonly LENGTH_MIN = 6;

  add(value: string): void {
    if (value.length < Secrets.LENGTH_MIN) return;
    this.#variants.add(value);
    this.#variants.add(JSON.stringify(value).slice(1, -1));
    this.#variants.add(encodeURIComponent(value));
    this.#variants.add(Buffer.from(value).toString("base64"));
    this.#variants.add(Buffer.from(value).toString("base64url"));
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
