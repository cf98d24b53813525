import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  businessEvent,
  createFileEmitter,
  eventTypes,
  fanOut,
  filtered,
  systemScope,
  toBusinessEvents,
  userScope,
} from "@sluice/sdk";

const [directory = "."] = process.argv.slice(2);
const files = { user: join(directory, "users.jsonl"), system: join(directory, "system.jsonl") };

// What concerns a user is kept apart from what concerns everybody; what says neither goes to both.
const emitter = fanOut([
  filtered(({ scope }) => scope?.kind !== "system", createFileEmitter({ path: files.user })),
  filtered(({ scope }) => scope?.kind !== "user", createFileEmitter({ path: files.system })),
]);

const request = businessEvent(eventTypes.LLM_REQUEST)
  .withMetadata("model", "gpt-4")
  .withMetadata("prompt_tokens", 150);

emitter.emit(request.withScope(userScope("user_123")).toEvent());
emitter.emit(
  businessEvent("invoice_sent").withMetadata("cents", 1250).withScope(userScope("user_7")).toEvent(),
);
emitter.emit(
  businessEvent(eventTypes.CACHE_MISS).withMetadata("key", "greeting").withScope(systemScope).toEvent(),
);
emitter.emit(businessEvent("deployed").withMetadata("version", "1.4.0").toEvent());
await emitter.close();

// Read back, each is the business event that it was.
for (const [scope, path] of Object.entries(files))
  for (const line of readFileSync(path, "utf8").split("\n").slice(0, -1))
    for (const { event_type, metadata } of toBusinessEvents(JSON.parse(line)))
      console.log(`${scope}: ${event_type} ${JSON.stringify(metadata)}`);
