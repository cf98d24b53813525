import { createOtlp, type OtlpServerOptions } from "../../testing/index.ts";
import { type ItemOutcome, REFUSAL } from "./items.ts";
import type { OpenMock } from "./services.ts";

/** What it asks for, so that a missing header shows. */
const KEY = { header: "authorization", value: "Bearer otlp-0000000000000000" };

const VARIANTS: Readonly<Record<string, OtlpServerOptions>> = {
  both: {},
  protobuf: { encodings: ["protobuf"] },
  json: { encodings: ["json"] },
  "no-gzip": { takesGzip: false },
};

export function openOtlpMock(variant: string): OpenMock {
  const otlp = createOtlp({ ...VARIANTS[variant], key: KEY });
  let before = 0;
  let refused: ItemOutcome[] = [];
  return {
    keys: { [KEY.header]: KEY.value },
    path: "/v1/traces",
    answer: (request) => otlp.answer(request),
    itemsOf() {
      const stored = otlp.spans.slice(before);
      before = otlp.spans.length;
      const items = [
        ...stored.map(({ spanId }): ItemOutcome => ({ id: spanId, outcome: "stored" })),
        ...refused,
      ];
      refused = [];
      return items;
    },
    refuseItems(isDue) {
      otlp.rejectSpans(({ spanId }) => {
        if (!isDue()) return undefined;
        refused.push({ id: spanId, outcome: "refused", reason: REFUSAL });
        return REFUSAL;
      });
    },
  };
}
