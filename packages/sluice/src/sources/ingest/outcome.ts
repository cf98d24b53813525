import { type AppendOutcome, REFUSAL_CODES } from "../../spool/spool.ts";

/**
 * Why an item was not taken. `status` is the HTTP status it has on its own; `detail` never repeats what was
 * sent.
 */
export interface Rejection {
  readonly status: 400 | 409 | 413 | 422 | 503;
  readonly code: string;
  readonly field?: string;
  /** Only where the items are not told one by one. */
  readonly index?: number;
  readonly detail: string;
}

/** What became of one item of a request. */
export type ItemOutcome =
  | { readonly status: "accepted"; readonly id: string; readonly isIdOurs: boolean }
  /** The same bytes under the same id are stored already: as good as accepted. */
  | { readonly status: "duplicate"; readonly id: string }
  | { readonly status: "rejected"; readonly id?: string; readonly why: Rejection };

export function outcomeOf(append: AppendOutcome, id: string, isIdOurs: boolean): ItemOutcome {
  switch (append.status) {
    case "appended":
      return { status: "accepted", id, isIdOurs };
    case "duplicate":
      return { status: "duplicate", id };
    case "conflict":
      return { status: "rejected", id, why: CONFLICT };
    case "full":
    case "failed":
    case "slow":
      return {
        status: "rejected",
        id,
        why: { status: 503, code: REFUSAL_CODES[append.status], detail: append.reason },
      };
    default:
      return assertNever(append);
  }
}

const CONFLICT: Rejection = {
  status: 409,
  code: "conflict",
  field: "id",
  detail: "Another event is stored under this id. The first one stays. Give this one an id of its own.",
};

function assertNever(value: never): never {
  throw new TypeError(`unexpected outcome ${JSON.stringify(value)}`);
}
