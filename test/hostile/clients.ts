import { programClient } from "./program-client.ts";
import { sluice } from "./sluice.ts";
import { openLangfuseStore, openLunaryStore, openOtlpStore, openPosthogStore } from "./stores.ts";
import type { Client } from "./trial.ts";

/** In the order of the page's columns. */
export const CLIENTS: readonly Client[] = [
  sluice,
  programClient({
    program: "hostile/lunary.js",
    name: "lunary",
    packages: ["lunary"],
    openStore: openLunaryStore,
    canBeRefused: true,
    again: "is kept once",
  }),
  programClient({
    program: "hostile/langfuse.js",
    name: "langfuse",
    packages: ["langfuse"],
    openStore: openLangfuseStore,
    canBeRefused: true,
    again: "is kept once",
  }),
  programClient({
    program: "hostile/langfuse-otel.js",
    name: "@langfuse/otel",
    packages: ["@langfuse/otel", "@langfuse/tracing", "@opentelemetry/sdk-trace-node"],
    openStore: openOtlpStore,
    canBeRefused: true,
    again: "is kept once",
  }),
  programClient({
    program: "hostile/posthog.js",
    name: "posthog-node",
    packages: ["posthog-node"],
    openStore: openPosthogStore,
    canBeRefused: false,
    again: "is kept once",
  }),
  programClient({
    program: "hostile-otlp/otlp.js",
    name: "OTLP exporter",
    packages: ["@opentelemetry/exporter-trace-otlp-http", "@opentelemetry/sdk-trace"],
    openStore: openOtlpStore,
    canBeRefused: true,
    again: "counts twice",
  }),
];
