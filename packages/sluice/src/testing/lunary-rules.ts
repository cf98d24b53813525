import { createHash } from "node:crypto";

/**
 * What Lunary's server does to every payload: keys at all levels become camelCase, also inside inputs and
 * outputs.
 */
export function camelCased(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(camelCased);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/[_-]+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      camelCased(inner),
    ]),
  );
}

/** 36 characters must be a real UUID, or its database refuses them; any other length is hashed. */
export function lunaryUuid(id: string): string {
  if (id.length !== 36) {
    const hex = createHash("sha256").update(id).digest("hex");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
  }
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
    throw new Error(`invalid input syntax for type uuid: "${id}"`);
  }
  return id.toLowerCase();
}

/** Of metadata it keeps the first level: text, numbers, booleans, and lists of them. */
export function shallow(metadata: unknown): Record<string, unknown> {
  const isScalar = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
  return Object.fromEntries(
    Object.entries(Object(metadata) as object).filter(
      ([, value]) => isScalar(value) || (Array.isArray(value) && value.every(isScalar)),
    ),
  );
}
