const ENVIRONMENT_CHARS_MAX = 40;

/**
 * An environment's name as Langfuse keeps it: lower case, letters, digits, dash and underscore, not beginning
 * with "langfuse", 40 characters. It stores anything else as "default" without a word, so "Prod/EU" goes as
 * "prod-eu". Undefined where nothing is left of it.
 */
export function environmentOf(name: string | undefined): string | undefined {
  const clean = name
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replace(/^(langfuse)+/, "")
    .slice(0, ENVIRONMENT_CHARS_MAX);
  return clean === "" ? undefined : clean;
}
