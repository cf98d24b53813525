import { z } from "zod";
import { createAddressGuard, parseNetwork } from "../addresses.ts";
import type { Failure } from "../classify.ts";
import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import { type Delivery, delivered } from "../delivery.ts";
import { createHttpSend } from "../http-send.ts";
import { headersFault, secretsIn } from "../own-headers.ts";
import { batchId, createSigner, messageId, secretFault } from "./signing.ts";

/** A receiver's framework seldom takes more in one body, and 413 halves what does not fit. */
const BATCH_BYTES_MAX = 1_000_000;
const BATCH_EVENTS_MAX = 1_000;
/** The old one, the new one, and room for those who change them often: each costs a signature an attempt. */
const SECRETS_MAX = 5;
const HTTP_GONE = 410;

const options = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !URL.parse(url)?.username, "must not contain a user name; set a header instead")
    .describe("Where events are posted."),
  secrets: z
    .array(z.string().superRefine(complain(secretFault)))
    .min(1)
    .max(SECRETS_MAX)
    .meta({ secret: true })
    .describe(
      "Signing secrets, `whsec_` and 24 to 64 bytes in base64. Each signs: to change one, add the new one, let the receiver change, and take the old one away.",
    ),
  batch: z
    .int()
    .min(2)
    .max(BATCH_EVENTS_MAX)
    .optional()
    .describe("Up to so many events a request, as a JSON array; without it, one event a request."),
  headers: z
    .record(z.string(), z.string())
    .superRefine(complain(headersFault))
    .default({})
    .describe("Headers to add to each request. What the receiver echoes of their values is masked."),
  allow: z
    .array(z.string().refine((text) => parseNetwork(text) !== undefined, "is no network like 10.0.0.0/8"))
    .default([])
    .describe("Networks that may be reached although they are not public, like `10.0.0.0/8`."),
  requests_per_second: z
    .number()
    .min(0.01)
    .max(1_000)
    .default(100)
    .describe("How often the receiver may be asked, also after an outage."),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe("Upper bound for one request, in milliseconds."),
});

export const webhookSink = defineSink({
  type: "webhook",
  summary: "Posts events to an endpoint of yours, signed as Standard Webhooks asks.",
  options,
  limits: { events: 1, bytes: BATCH_BYTES_MAX, requestsPerSecond: 100 },
  tune: ({ batch, requests_per_second }) => ({
    events: batch ?? 1,
    requestsPerSecond: requests_per_second,
  }),
  order: "run",
  inFlight: 8,
  docs: {
    example:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a secret has no example that could be left in.
      '[[sinks]]\nname = "hooks"\ntype = "webhook"\n\n[sinks.params]\nendpoint = "https://hooks.example.com/llm-events"\nsecrets = ["${env:WEBHOOK_SECRET}"]',
    mapping: [
      ["every event", "one POST: the JSON as it was spooled, byte for byte"],
      ["every event (batch)", "an item of a JSON array, each as it was spooled"],
      ["the event's id", "`webhook-id`"],
      ["the ids of a batch", "`webhook-id`: a UUIDv5 of them, in their order"],
      ["the time of the attempt", "`webhook-timestamp`"],
    ],
    notes: [
      "An event may arrive twice: `webhook-id` stays the same over retries and restarts, so a receiver that remembers it sees each event once. A batch can be cut differently after a restart or a refusal; there the ids of the events tell.",
      "An id with a point, a space or anything but ASCII becomes a UUIDv5 of it in `webhook-id`, always the same one: a point would end it in what is signed.",
      "Every 2xx is a yes, whatever its body. 410 Gone pauses the sink: the receiver wants no more. Everything is kept, and one event a minute asks again.",
      "Redirects are never followed.",
      "What is not public is not connected to: this machine, private, link-local, shared (CGNAT), benchmark, documentation, multicast and reserved networks, and IPv6 addresses that stand for IPv4 ones (6to4, Teredo, NAT64, mapped). The address is checked that is dialled, at every new connection. The sink pauses and says which address it was; `allow` permits it.",
      "The check of the sink connects and sends nothing: any request would be an event to its receiver.",
    ],
  },
  // What a query holds is often a key.
  destination: ({ endpoint }) => withoutQuery(endpoint),
  open: async (settings, context) => openWebhook(settings, context),
});

function openWebhook(settings: z.output<typeof options>, context: SinkContext): Sink {
  const { clock } = context;
  const { secrets, headers, batch: isBatched } = settings;
  const sign = createSigner(secrets);
  const http = createHttpSend({
    url: settings.endpoint,
    headers: { ...headers, "content-type": "application/json", "user-agent": "sluice" },
    secrets: [...secrets, ...secrets.map((secret) => secret.replace("whsec_", "")), ...secretsIn(headers)],
    clock,
    timeoutMs: settings.timeout_ms,
    guard: createAddressGuard(settings.allow),
  });

  return {
    async send(batch, signal) {
      const messages = isBatched ? together(batch) : batch.map(alone);
      let httpStatus: number | undefined;
      for (const [index, { id, body }] of messages.entries()) {
        const answer = await http.post(body, signal, { headers: sign(id, body, clock.nowMs()) });
        if (answer.status !== "answered") {
          return index === 0 ? goneOr(answer) : deliveredUpTo(index, batch.length, answer.reason);
        }
        httpStatus = answer.httpStatus;
      }
      return { ...delivered, ...(httpStatus !== undefined && { httpStatus }) };
    },
    async check(signal) {
      const failure = await http.reach(signal);
      return failure && `The receiver cannot be reached: ${failure.reason}`;
    },
    close: () => http.close(),
  };
}

/** What is signed and sent as one. */
interface Message {
  readonly id: string;
  readonly body: Uint8Array;
}

function alone({ id, raw }: Outgoing): Message {
  return { id: messageId(id), body: raw };
}

/** One message, a JSON array with each event byte for byte; none for no events. */
function together(batch: readonly Outgoing[]): readonly Message[] {
  if (batch.length === 0) return [];
  const parts = batch.flatMap(({ raw }, index) => [Buffer.from(index === 0 ? "[" : ","), raw]);
  return [{ id: batchId(batch.map(({ id }) => id)), body: Buffer.concat([...parts, Buffer.from("]")]) }];
}

/** What failed comes first the next time, and then its failure is the answer to the whole batch. */
function deliveredUpTo(count: number, total: number, reason: string): Delivery {
  const each = Array.from({ length: total }, (_, index) =>
    index < count ? ({ status: "delivered" } as const) : ({ status: "retry", reason } as const),
  );
  return { status: "mixed", each };
}

function goneOr(failure: Failure): Failure {
  if (failure.httpStatus !== HTTP_GONE) return failure;
  const reason = `${failure.reason} (the receiver wants no more events: one a minute asks again, until the sink is removed)`;
  return { ...failure, reason };
}

/** A check of an option whose fault is a sentence's end. */
function complain<Value>(faultOf: (value: Value) => string | undefined) {
  return (value: Value, context: z.RefinementCtx) => {
    const message = faultOf(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  };
}

function withoutQuery(endpoint: string): string {
  const url = new URL(endpoint);
  return `${url.origin}${url.pathname}`;
}
