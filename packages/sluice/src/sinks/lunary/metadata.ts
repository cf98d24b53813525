import type { Event, Json, JsonObject, Run } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import { flattened } from "./fields.ts";
import { priceFactsOf } from "./price-facts.ts";

/** What Lunary keeps of a run besides what it was asked and answered. */
export interface Labels {
  readonly metadata?: JsonObject;
  readonly tags?: readonly string[];
  readonly templateVersionId?: number;
}

/** The largest that its column holds. */
const VERSION_MAX = 2_147_483_647;
const TEMPLATE_KEYS = ["templateVersionId", "templateId"] as const;

/**
 * Metadata, tags and the version of the prompt template. Lunary takes tags and template also out of the
 * metadata, and refuses the whole run where they are not what its columns hold: so tags are always a list of
 * texts, and a template that is no number goes by another name.
 */
export function labelsOf(event: Event, run: Run): Labels {
  const session = event.session?.id;
  const flat = flattened({
    ...priceFactsOf(run),
    ...event.metadata,
    ...(session !== undefined && { sessionId: session }),
    ...(run.truncated && { truncated: true }),
    ...statusOf(run),
  });
  const hasTemplate = Object.keys(flat).some(isTemplateKey);
  const metadata = hasTemplate ? withSafeKeys(flat) : flat;
  const tags = tagsOf(event.tags, flat.tags);
  const template = TEMPLATE_KEYS.flatMap((key) => versionOf(run[key]) ?? [])[0];
  const version = template ?? (hasTemplate ? versionIn(metadata) : undefined);
  return {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(tags && { tags }),
    ...(version !== undefined && { templateVersionId: version }),
  };
}

/** How a run ended, where Lunary has no word for it: its own are started, success and error. */
function statusOf({ status, reason }: Run): JsonObject {
  if (status === undefined || status === "ok" || status === "error") return {};
  return { status, ...(reason !== undefined && { reason }) };
}

function tagsOf(tags: Event["tags"], inMetadata: Json | undefined): readonly string[] | undefined {
  if (tags && tags.length > 0) return tags;
  if (inMetadata === undefined) return undefined;
  const list = Array.isArray(inMetadata) ? inMetadata : [inMetadata];
  return list.filter((tag) => typeof tag === "string");
}

function versionIn(metadata: JsonObject): number | undefined {
  const found = Object.entries(metadata).filter(([key]) => isTemplateKey(key));
  return found.flatMap(([, value]) => versionOf(value) ?? [])[0];
}

function withSafeKeys(flat: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(flat).map(([key, value]) => [safeKey(key, value), value]));
}

function safeKey(key: string, value: Json | undefined): string {
  if (!isTemplateKey(key) || versionOf(value) !== undefined) return key;
  return key.toLowerCase().includes("version") ? "template.versionId" : "template.id";
}

/** As the server reads it, which makes camelCase of every key first. */
function isTemplateKey(key: string): boolean {
  if (!key.startsWith("template")) return false;
  const camel = key.replace(/[-_]([a-z])/gi, (_, letter: string) => letter.toUpperCase());
  return camel === "templateId" || camel === "templateVersionId";
}

function versionOf(value: unknown): number | undefined {
  const isDigits = typeof value === "string" && /^\d{1,10}$/.test(value);
  const version = isDigits ? Number(value) : numberOf(value);
  const isVersion = Number.isInteger(version) && Number(version) > 0 && Number(version) <= VERSION_MAX;
  return isVersion ? version : undefined;
}
