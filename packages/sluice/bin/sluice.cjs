#!/usr/bin/env node
// The launcher is plain CommonJS in the oldest syntax, so that an old Node can read it and say what is wrong.
// It also runs before libuv starts its thread pool, which is the last moment at which its size can be chosen:
// with the default of 4, a hung disk would also hang DNS (each waits for a pool thread).
"use strict";
var major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    "sluice needs Node 24 or newer, and this is " +
      process.version +
      ". " +
      "Run it through npm (npm start, npx sluice), which uses the Node in node_modules, or install Node 24.\n",
  );
  process.exit(78);
}
// A key on the command line stands in `ps` for everybody; setting the title overwrites the place it is read from.
if (process.argv.join(" ").indexOf(" --api-key") >= 0) process.title = "sluice";
if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = "16";
import("../dist/cli/main.js").then((cli) => cli.main(process.argv));
