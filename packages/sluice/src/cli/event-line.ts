import type { Event } from "@sluice/sdk";

/**
 * An event as one line for people: time, kind, run, and what matters of it. JSON that is no event stays as it
 * is.
 */
export function describeEvent(json: string): string {
  let event: Event;
  try {
    event = JSON.parse(json);
  } catch {
    return withoutControls(json);
  }
  const { run, tool } = event;
  const parts = [
    String(event.time).slice(11, 23),
    event.kind.padEnd(12),
    (event.runId ?? event.id ?? "").slice(-12),
  ];
  if (run) {
    parts.push(
      [run.provider, run.operation ?? run.type, run.response?.model ?? run.request?.model]
        .filter(Boolean)
        .join(" "),
    );
    if (run.status !== undefined)
      parts.push(run.reason === undefined ? run.status : `${run.status} (${run.reason})`);
    if (run.usage) parts.push(`${run.usage.input ?? "?"} in, ${run.usage.output ?? "?"} out`);
    if (run.error) parts.push(run.error.message.slice(0, 80));
  }
  if (tool) parts.push(tool.name);
  return withoutControls(parts.filter((part) => part !== "").join("  "));
}

/** Control characters could move the cursor, or start a line of their own. */
function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
