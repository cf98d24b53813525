import type { Answer, BackendRequest } from "../../testing/index.ts";
import type { ItemOutcome } from "./items.ts";

/** A service that `sluice mock` stands in for. */
export interface MockService {
  readonly name: string;
  /** What it is called by its people. */
  readonly title: string;
  /** Its servers, where they differ in what they take; the first is the one that is meant without a word. */
  readonly variants: readonly string[];
  open(variant: string): Promise<OpenMock>;
}

export interface OpenMock {
  /** What it takes, under the names that the sink's options have. */
  readonly keys: Readonly<Record<string, string>>;
  /** Below its URL: what a sink's `endpoint` is. */
  readonly path: string;
  answer(request: BackendRequest): Answer | Promise<Answer>;
  /** What became of each item of a request that was just answered. */
  itemsOf(request: BackendRequest, answer: Answer): readonly ItemOutcome[];
  /** Asked for each item from now on: those that are due it refuses in its own way. */
  refuseItems(isDue: () => boolean): void;
}

/** Sorted by name. */
export const MOCKS: readonly MockService[] = [
  {
    name: "helicone",
    title: "Helicone",
    variants: ["cloud"],
    open: async () => (await import("./helicone.ts")).openHeliconeMock(),
  },
  {
    name: "langfuse",
    title: "Langfuse",
    variants: ["v4", "v4-dual", "v3", "v2"],
    open: async (variant) => (await import("./langfuse.ts")).openLangfuseMock(variant),
  },
  {
    name: "lunary",
    title: "Lunary",
    variants: ["cloud"],
    open: async () => (await import("./lunary.ts")).openLunaryMock(),
  },
  {
    name: "otlp",
    title: "a server of OTLP",
    variants: ["both", "protobuf", "json", "no-gzip"],
    open: async (variant) => (await import("./otlp.ts")).openOtlpMock(variant),
  },
];
