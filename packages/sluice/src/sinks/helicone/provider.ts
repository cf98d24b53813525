/** Whose wire format a call is written in. Most providers speak OpenAI's. */
export type WireFormat = "openai" | "anthropic" | "google";

export interface HeliconeProvider {
  /** The worker's route, `/{route}/v1/log`: it decides by which provider's rules an answer is read. */
  readonly route: "oai" | "anthropic" | "googleapis" | "custom";
  /** As Helicone names it, in its `provider` column. */
  readonly name: string;
  readonly format: WireFormat;
}

const OPENAI: HeliconeProvider = { route: "oai", name: "OPENAI", format: "openai" };
const ANTHROPIC: HeliconeProvider = { route: "anthropic", name: "ANTHROPIC", format: "anthropic" };
const GOOGLE: HeliconeProvider = { route: "googleapis", name: "GOOGLE", format: "google" };
/** What Helicone has no name for: local models, gateways, tools. */
export const CUSTOM: HeliconeProvider = { route: "custom", name: "CUSTOM", format: "openai" };

/** By OpenTelemetry's `gen_ai.provider.name`, and the names that were usual before it. */
const PROVIDERS: ReadonlyMap<string, HeliconeProvider> = new Map([
  ["openai", OPENAI],
  ["anthropic", ANTHROPIC],
  ["google", GOOGLE],
  ["gemini", GOOGLE],
  ["gcp.gemini", GOOGLE],
  ["gcp.gen_ai", GOOGLE],
  ["gcp.vertex_ai", GOOGLE],
  ["azure", { ...OPENAI, name: "AZURE" }],
  ["azure.ai.openai", { ...OPENAI, name: "AZURE" }],
  ["aws.bedrock", { ...CUSTOM, name: "BEDROCK" }],
  ["cohere", { ...CUSTOM, name: "COHERE" }],
  ["deepseek", { ...CUSTOM, name: "DEEPSEEK" }],
  ["fireworks", { ...CUSTOM, name: "FIREWORKS" }],
  ["groq", { ...CUSTOM, name: "GROQ" }],
  ["mistral_ai", { ...CUSTOM, name: "MISTRAL" }],
  ["openrouter", { ...CUSTOM, name: "OPENROUTER" }],
  ["perplexity", { ...CUSTOM, name: "PERPLEXITY" }],
  ["together", { ...CUSTOM, name: "TOGETHER" }],
  ["x_ai", { ...CUSTOM, name: "X" }],
  ["xai", { ...CUSTOM, name: "X" }],
]);

/** Nobody said who answered: OpenAI's format is the likeliest, its name would be a guess. */
export function providerOf(name: string | undefined): HeliconeProvider {
  return PROVIDERS.get((name ?? "").toLowerCase()) ?? CUSTOM;
}
