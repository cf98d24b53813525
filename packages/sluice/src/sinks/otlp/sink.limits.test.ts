import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { startOtlpServer } from "../../testing/otlp-server.ts";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { otlpSink } from "./sink.ts";

const MIB = 1024 * 1024;

test("a lone span over 64 MiB, at which every server must refuse it, is told as too large and not sent", async () => {
  const server = await startOtlpServer();
  const context = { name: "o", clock: systemClock, disk: systemDisk, dataDir: "/", warn: () => undefined };
  const sink = await otlpSink.open(otlpSink.options.parse({ endpoint: server.url }), context);
  const event = llmRun({ tags: Array.from({ length: 65 }, () => "x".repeat(MIB)) });

  const delivery = await sink.send([outgoing(event)], new AbortController().signal);
  await sink.close();
  await server.close();

  expect(delivery).toMatchObject({ status: "tooLarge", reason: expect.stringContaining("bytes") });
  expect(server.requests).toEqual([]);
});

test("Datadog refuses spans older than 24 hours, so a backlog may be: the page says so", () => {
  expect(otlpSink.docs?.notes?.join("\n")).toMatch(/Datadog: .* refuses spans older than 24 hours/);
});
