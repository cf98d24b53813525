import { Agent } from "node:http";
import { eventLine, post } from "./ingest-load.ts";

/**
 * A process of its own that posts so many events of one size at once and prints what came back: a test that
 * made and sent gigabytes itself would measure itself.
 *
 *     node large-sender.ts URL COUNT BYTES
 */
const [url = "", count = "0", bytes = "0"] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const lines = Array.from({ length: Number(count) }, () => Buffer.from(eventLine(Number(bytes))));
const answers = await Promise.all(lines.map((line) => post(url, line, agent)));
agent.destroy();
process.stdout.write(JSON.stringify(answers));
