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
if (/^(start|dispatcher)$/.test(process.argv[2] || "")) replaceProcess();
import("../dist/cli/main.js").then((cli) => cli.main(process.argv));

// A daemon needs settings that are read before any program runs. So this process becomes another one, with the same
// pid, arguments and output. Where the system cannot do that, or somebody has settings of their own, it goes on as it is.
function replaceProcess() {
  if (process.platform !== "linux" || !process.execve || process.env.MALLOC_ARENA_MAX) return;
  var settings = require("../dist/daemon/process-settings.js");
  var environment = Object.assign({}, process.env, settings.PROCESS_ENVIRONMENT);
  var flags = settings.PROCESS_FLAGS.concat(process.execArgv);
  process.execve(process.execPath, [process.execPath].concat(flags, process.argv.slice(1)), environment);
}
