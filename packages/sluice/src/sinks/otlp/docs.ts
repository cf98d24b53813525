import type { SinkDocs } from "../define.ts";

/** The sink's reference page, beside its options. */
export const docs: SinkDocs = {
  example:
    '[[sinks]]\nname = "traces"\ntype = "otlp"\n\n[sinks.params]\nendpoint = "http://localhost:4318"\nresource = { "service.name" = "shop" }',
  mapping: [
    ["run.ended", "one span, sent when it is complete; `sluice.run.id`, `.type`, `.status`, `.reason`"],
    ["of an llm", "`chat {model}`, `text_completion {model}` or `generate_content {model}`, CLIENT"],
    ["of an embedding", "`embeddings {model}`, CLIENT"],
    ["of a tool", "`execute_tool {name}`, INTERNAL; `gen_ai.tool.name`"],
    [
      "of an agent, a chain",
      "`invoke_agent {name}`, `invoke_workflow {name}`, INTERNAL; without usage and cost",
    ],
    ["of a retriever", "`retrieval {name}`, INTERNAL; `gen_ai.data_source.id`"],
    ["of any other type", "its name, or its type; INTERNAL"],
    [
      "run and trace ids",
      "span id: 8 bytes derived from the run id; trace id: as it is if 32 hex digits, else derived",
    ],
    [
      "run.status error",
      "status ERROR with the message; `error.type`; an `exception` event if there is a stack",
    ],
    ["run.status cancelled, incomplete", "`error.type` with that word; the status stays unset"],
    [
      "run.usage",
      "`gen_ai.usage.input_tokens` and `.output_tokens` in totals, `.cache_read.input_tokens`, `.cache_creation.input_tokens`, `.reasoning.output_tokens`; of those totals `sluice.usage.cache_creation_1h.input_tokens`, `.audio.input_tokens`, `.audio.output_tokens`",
    ],
    ["run.cost", "`gen_ai.usage.cost` in USD, `sluice.cost.prices`, `sluice.cost.is_estimate`"],
    ["run.firstTokenTime", "`gen_ai.response.time_to_first_chunk` in seconds"],
    [
      "run.request.params",
      "`gen_ai.request.*` and `gen_ai.output.type`, as far as the conventions name them",
    ],
    [
      "input, output (`content = true`)",
      "`gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`, `gen_ai.tool.definitions`; of tools `gen_ai.tool.call.arguments` and `.result`; of retrievers `gen_ai.retrieval.query.text` and `.documents`",
    ],
    ["session, user scope", "`gen_ai.conversation.id`, `session.id`; `user.id`, `sluice.user.*`"],
    [
      "tags, metadata",
      "`sluice.tags`, `sluice.meta.*` with dotted keys; more than 64 leaves as one JSON text",
    ],
    ["cache.hit", "a span `cache.hit` without length; `sluice.cache`"],
    ["init.failed", "a span `llm.init` without length, status ERROR"],
    ["tool.called", "skipped `unmapped`: it stands in the run's output messages"],
    ["a late end (revision 2)", "skipped `late`: spans cannot be changed"],
    [
      "run.started, run.scored, session.*, cache.miss, custom events",
      "skipped `unmapped`: logs have a place for some of them, traces have none",
    ],
  ],
  notes: [
    "Names are those of OpenTelemetry's conventions for generative AI, version 1.41; `gen_ai.usage.cost` is what backends read, and no convention.",
    "An event is the same span, byte for byte, whenever it is sent again: ids and times follow from the event alone.",
    "429, 502, 503, 504 and lost connections are tried again, and nothing else is: OTLP forbids it, for 500 too. Such a batch is split until the event that causes it is alone, a dead letter.",
    "A server may reject some spans of a request and tells only how many: so many become one dead letter that lists all ids of the request, or each its own where it rejects all of them. A message without rejected spans is a warning in the log.",
    "Signatures of thoughts, and thoughts that a provider has sealed, are never sent.",
    'Arize Phoenix: `endpoint = "http://localhost:6006"`, `profile = "openinference"`; protobuf only, gzip is taken. Its project is `resource = { "openinference.project.name" = "…" }`.',
    'Datadog: headers `dd-api-key` and `dd-otlp-source = "llmobs"`; it refuses spans older than 24 hours. Braintrust: `endpoint = "https://api.braintrust.dev/otel/v1/traces"`, headers `Authorization` and `x-bt-parent`.',
    "Lunary's own OTLP route takes neither gzip nor JSON, reads no messages and failed on ordinary spans: use the `lunary` sink.",
  ],
};
