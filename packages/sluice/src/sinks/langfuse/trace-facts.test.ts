import { afterEach, expect, test } from "vitest";
import { closeAll, ended, setUp, TRACE } from "./langfuse.test-support.ts";

afterEach(closeAll);

test("a trace's name of over 1,000 characters, for which the whole item would be refused, is cut", async () => {
  const { send, langfuse } = await setUp({ version: 3 }, { mode: "ingestion" });

  const delivery = await send(ended("r", {}, { metadata: { trace_name: "x".repeat(1_001) } }));

  expect(delivery).toMatchObject({ status: "delivered" });
  expect(langfuse.traces.get(TRACE)?.name).toBe("x".repeat(1_000));
});
