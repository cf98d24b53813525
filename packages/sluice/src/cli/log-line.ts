import { styleText } from "node:util";

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};
const KNOWN = new Set(["level", "time", "msg"]);

/** A log line as people read it: time, level, message, then the facts. What is no log line stays as it is. */
export function formatLogLine(line: string): string {
  const entry = parse(line);
  if (!entry) return line.endsWith("\n") ? line : `${line}\n`;
  const level = LEVELS[Number(entry["level"])] ?? "?";
  const facts = Object.entries(entry)
    .filter(([name]) => !KNOWN.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const shown =
    level === "error" ? styleText("red", level) : level === "warn" ? styleText("yellow", level) : level;
  const time = String(entry["time"] ?? "").slice(11, 23);
  return `${time} ${shown} ${entry["msg"] ?? ""}${facts.length > 0 ? ` ${styleText("dim", facts.join(" "))}` : ""}\n`;
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // A crash writes plain text.
    return undefined;
  }
}
