/**
 * What Langfuse makes of an environment's name: lower case, without a leading "langfuse"; whatever is no name
 * then becomes "default", without a word ("Prod/EU" does).
 */
export function environmentRule(value: unknown): string {
  if (typeof value !== "string") return "default";
  const name = value.toLowerCase().replace(/^(langfuse)+/, "");
  return /^[a-z0-9-_]{1,40}$/.test(name) ? name : "default";
}
