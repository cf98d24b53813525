// Starts Elastic's OTLP server on a free port of loopback and tells what it receives, a line of JSON for each
// span; the first line is its URL. It ends when its input does.
import { MockOtlpServer, normalizeTrace } from "@elastic/mockotlpserver";

const tell = (value) => console.log(JSON.stringify(value));

const server = new MockOtlpServer({
  services: ["http"],
  httpHostname: "127.0.0.1",
  httpPort: 0,
  logLevel: "fatal",
  onTrace(trace) {
    for (const { resource, scopeSpans } of normalizeTrace(trace).resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) tell({ resource: resource.attributes, scope: scope.name, ...span });
      }
    }
  },
});
await server.start();
tell({ url: server.httpUrl.href });
process.stdin.resume().on("end", () => process.exit());
