import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A daemon, and a collector, that keep nothing and say yes: a process of its own, so that it costs us nothing. */
const LINE_FEED = 0x0a;

const server = createServer((request, response) => {
  let events = 0;
  request.on("data", (chunk: Uint8Array) => {
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) events++;
  });
  request.on("end", () => {
    const isOurs = request.url === "/v1/events";
    response.writeHead(isOurs ? 202 : 200, { "content-type": "application/json" });
    response.end(isOurs ? JSON.stringify({ accepted: events, durability: "disk" }) : "{}");
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
