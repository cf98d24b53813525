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
      key.replace(/[-_]([a-z])/gi, (_, letter: string) => letter.toUpperCase()),
      camelCased(inner),
    ]),
  );
}

/** 36 characters must be a real UUID, or its database refuses them; any other length is hashed. */
export function lunaryUuid(id: string): string {
  if (id.length !== 36) {
    const hex = createHash("sha256").update(id).digest("hex");
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5");
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
      ([key, value]) =>
        key === "enrichment" || isScalar(value) || (Array.isArray(value) && value.every(isScalar)),
    ),
  );
}

type Members = Readonly<Record<string, unknown>>;

/** Tags fall back to those in the metadata, where only a list can be stored. */
export function tagsOf(item: Members, metadata: Members): unknown {
  const tags = typeof item.tags === "string" ? [item.tags] : (item.tags ?? metadata.tags);
  if (tags !== undefined && !Array.isArray(tags)) throw new Error(`malformed array literal: "${tags}"`);
  return tags;
}

/** The version of a prompt template, wherever it stands; the column holds integers. */
export function templateOf(item: Members, metadata: Members): number | undefined {
  const { templateId, templateVersionId } = metadata;
  const version = item.templateVersionId || item.templateId || templateId || templateVersionId;
  if (version === undefined || version === "") return undefined;
  if (!/^\d+$/.test(String(version))) throw new Error(`invalid input syntax for type integer: "${version}"`);
  return Number(version);
}
