import type { Answer, BackendRequest } from "../../testing/index.ts";
import type { ItemOutcome } from "./items.ts";

/** A service that `sluice mock` stands in for. */
export interface MockService {
  readonly name: string;
  /** What it is called by its people. */
  readonly title: string;
  open(): Promise<OpenMock>;
}

export interface OpenMock {
  /** What it takes, under the names that the sink's options have. */
  readonly keys: Readonly<Record<string, string>>;
  /** Below its URL: what a sink's `endpoint` is. */
  readonly path: string;
  answer(request: BackendRequest): Answer | Promise<Answer>;
  /** What became of each item of a request that was just answered. */
  itemsOf(request: BackendRequest, answer: Answer): readonly ItemOutcome[];
}

/** Sorted by name. */
export const MOCKS: readonly MockService[] = [
  { name: "lunary", title: "Lunary", open: async () => (await import("./lunary.ts")).openLunaryMock() },
];
