import type { SinkDocs } from "../define.ts";

/** What its reference page says beyond its options. */
export const docs: SinkDocs = {
  example:
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own placeholder.
    '[[sinks]]\nname = "langfuse"\ntype = "langfuse"\n\n[sinks.params]\npublic_key = "${env:LANGFUSE_PUBLIC_KEY}"\nsecret_key = "${env:LANGFUSE_SECRET_KEY}"',
  mapping: [
    ["run.ended (otlp)", "one complete span, `langfuse.observation.type` by the run's type"],
    ["run.started (otlp)", "skipped `sent_with_end`: what v4 has stored, it does not change"],
    ["run.started of an llm (ingestion)", "`generation-create`; of a root run `trace-create` before it"],
    [
      "run.ended of an llm (ingestion)",
      "`generation-update` with everything; of a root run `trace-create` again",
    ],
    [
      "run.started, run.ended of an agent, tool, chain, retriever, embedding (ingestion)",
      "`agent-create` … twice under one id, which updates; `span-create` where the server knows no such item",
    ],
    ["a late end (revision 2)", "an update (ingestion); skipped `late` (otlp): a span cannot be changed"],
    ["run.ended, error", "level `ERROR`, `statusMessage`; the partial output is kept"],
    ["run.ended, cancelled or incomplete", "level `WARNING`, `statusMessage`"],
    [
      "tool.called",
      "a child of its generation of type `tool`, without length; its id comes from the event's",
    ],
    ["run.scored (otlp)", "the scores API; several at once go as `score-create`"],
    ["run.scored (ingestion)", "`score-create`"],
    [
      "session.created (ingestion)",
      "`trace-create` under the event's trace id; without one skipped `no_trace`",
    ],
    ["session.created (otlp)", "skipped `unmapped`: the session's id is on every span"],
    ["cache.hit", "a span without length, `metadata.cache` = `hit`, no usage"],
    ["init.failed", "an event `llm.init` of level `ERROR`"],
    ["a kind of your own", "an event under its run"],
    [
      "usage",
      "`input`, `input_cached_tokens`, `input_cache_creation`, `input_cache_creation_1h`, `input_audio_tokens`, `output`, `output_reasoning_tokens`, `output_audio_tokens`, `total`: disjoint, whole, and absent where unknown",
    ],
    [
      "usage and cost of an agent, a chain",
      "left out: they are those of its calls, and Langfuse adds them up",
    ],
    ["cost", "`costDetails`: `input`, `output`, `total`"],
    ["firstTokenTime", "`completionStartTime`"],
    [
      "scope user, session, tags, metadata",
      "`userId`, `sessionId`, `tags`, `metadata`; over OTLP on every span",
    ],
    ["everything else", "skipped `unmapped`"],
  ],
  notes: [
    "`sluice sinks test` reads the server's version and says which mode it needs: v2 and v3 `ingestion`, v4 `otlp`. A v4 takes `ingestion` only while LANGFUSE_MIGRATION_V4_WRITE_MODE is `dual` or `legacy`; in its default `events_only` it refuses every item inside a success. The sink then pauses and says so; nothing counts as delivered.",
    "Ids follow from events: an envelope's from the event and the item's role, a span's from the run. A retry or a replay writes the same rows again.",
    "Over OTLP, a trace id that is not 32 hexadecimal digits becomes the hash of it; the ingestion route keeps ids as they are.",
    "Over OTLP, a 500 is tried again: it is how Langfuse reports trouble with its storage. A 400 refuses the whole export for one span; the batch is halved until that span is alone.",
    "The limits below are those of `otlp`. In `ingestion` a batch has 32 events and 1 MB, a request 32 items and 2.5 MB, and requests go one after the other: a create and an update that meet at a v2 lose what the update said.",
    "In `ingestion` an event with an item over 1 MiB, which Langfuse's own SDKs cut, goes alone. Over 4.5 MB its server takes no request: that is a dead letter; a root run is in it twice, as its trace and by itself.",
    "The trace is named by its root run, or by `metadata.trace_name`, which names it on every event that has it; 1,000 characters of that are kept.",
    "An environment is made one that Langfuse keeps (`Prod/EU` becomes `prod-eu`), because it stores any other as `default`.",
    "Model parameters that are nested (tools, schemas) go as JSON text: Langfuse refuses the whole item for them.",
    "A score is a number, a boolean (0 or 1 there), or a text (categorical); `{name, value, comment}`, or feedback, each of whose members is a score.",
    "Signatures and sealed thoughts of providers are left out.",
  ],
};
