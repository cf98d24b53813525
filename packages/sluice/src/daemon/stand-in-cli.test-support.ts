import { main } from "../cli/main.ts";
import { createStandIn } from "./stand-in.test-support.ts";

// The real command line over stages that stand in, for tests with real processes.
const standIn = createStandIn();
if (process.env["HOME"]?.includes("hang")) standIn.drain = () => new Promise(() => {});
await main(process.argv, async () => standIn.parts);
