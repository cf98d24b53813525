import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";

const SCRIPT = fileURLToPath(new URL("./stand-in-cli.test-support.ts", import.meta.url));
const KEY = "sk-canary-5f3a";
const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) {
    if (existsSync(join(directory, "data", "daemon.json")))
      await run(["stop", "--data-dir", join(directory, "data")]);
    rmSync(directory, { recursive: true, force: true });
  }
});

test("the first seed's command line returns when ready, and stop drains (T26)", async () => {
  const dataDir = temporary("data");

  const started = await run([
    ...["dispatcher", "--service", "lunary", "--api-key", KEY],
    ...["--endpoint", "https://api.lunary.test/v1/runs/ingest", "--detach"],
    ...["--listen", "127.0.0.1:0", "--data-dir", dataDir],
  ]);
  const url = started.stdout.trim();
  const health = await fetch(`${url}/healthz`);
  const status = await run(["status", "--json", "--data-dir", dataDir]);
  const stopped = await run(["stop", "--data-dir", dataDir]);

  expect(started).toMatchObject({ exit: 0, stderr: expect.stringContaining("--api-key can be seen") });
  expect(health.status).toBe(200);
  expect(JSON.parse(status.stdout)).toMatchObject({
    url,
    pid: expect.any(Number),
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    sinks: [{ name: "lunary", state: "healthy", balance: { accepted: 0, delivered: 0, pending: 0 } }],
  });
  expect(stopped).toMatchObject({ exit: 0, stderr: expect.stringContaining("has ended") });
  expect((await run(["status", "--data-dir", dataDir])).exit).toBe(3);
  expect((await run(["stop", "--data-dir", dataDir])).exit).toBe(3);
});

test("no argument, environment, log or file of the daemon has the key (S24)", async () => {
  for (const [flags, env] of [
    [["--api-key", KEY], {}],
    [[], { LLM_PROXY_API_KEY: KEY }],
    [[], { LUNARY_API_KEY: KEY }],
  ] as const) {
    const dataDir = temporary("data");
    const arguments_ = ["dispatcher", "--service", "lunary", ...flags, "--detach", "--listen", "127.0.0.1:0"];
    expect((await run([...arguments_, "--data-dir", dataDir, "--json"], env)).exit).toBe(0);
    const { pid } = JSON.parse(readFileSync(join(dataDir, "daemon.json"), "utf8"));

    for (const place of [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]) {
      expect(readFileSync(place, "utf8"), place).not.toContain(KEY);
    }
    for (const file of readdirSync(dataDir)) {
      expect(readFileSync(join(dataDir, file), "utf8"), file).not.toContain(KEY);
    }
  }
});

test("a foreground process overwrites the key in its own arguments (S24)", async () => {
  const dataDir = temporary("data");
  const child = start([
    "dispatcher",
    "--service",
    "lunary",
    "--api-key",
    KEY,
    "--listen",
    "127.0.0.1:0",
    "--data-dir",
    dataDir,
  ]);
  await firstLine(child);

  expect(readFileSync(`/proc/${child.pid}/cmdline`, "utf8")).not.toContain(KEY);
  child.kill("SIGTERM");
  await once(child, "exit");
});

const REFUSED: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  [
    "an unknown service",
    ["dispatcher", "--service", "lunray"],
    78,
    /Unknown service "lunray"\. Did you mean "lunary"\? Known: file, .*lunary/,
  ],
  [
    "a missing key",
    ["dispatcher", "--service", "lunary"],
    78,
    /needs an API key\. Set LLM_PROXY_API_KEY or LUNARY_API_KEY/,
  ],
  [
    "a key file that is not there",
    ["dispatcher", "--service", "lunary", "--api-key-file", "gone"],
    78,
    /gone: ENOENT/,
  ],
  [
    "a bad endpoint",
    ["dispatcher", "--service", "lunary", "--api-key", KEY, "--endpoint", "nope"],
    78,
    /params\.endpoint/,
  ],
  ["a bad address", ["start", "--listen", "nope"], 78, /server\.listen is no address/],
  [
    "a configuration that is not there",
    ["start", "--config", "gone.toml"],
    78,
    /gone\.toml cannot be read: ENOENT/,
  ],
  ["an exposed address without a token", ["start", "--listen", "0.0.0.0:0"], 78, /no token is set/],
  ["an unknown flag", ["start", "--nope"], 2, /unknown option/],
  ["an unknown command", ["strat"], 2, /no command "strat"\. Did you mean "start"/],
];

for (const [what, flags, exit, sentence] of REFUSED) {
  test(`${what} is refused with one sentence, before anything detaches (exit ${exit})`, async () => {
    const dataDir = temporary("data");
    const isStart = ["start", "dispatcher"].includes(flags[0] ?? "");

    const result = await run([...flags, ...(isStart ? ["--detach", "--data-dir", dataDir] : [])]);

    expect(result.exit).toBe(exit);
    expect(result.stderr).toMatch(sentence);
    expect(result.stderr).not.toContain("at file:");
    expect(result.stdout).toBe("");
  });
}

test("a busy data directory or a taken port comes back from the child with exit code 75", async () => {
  const busy = await run(["start", "--detach", "--listen", "127.0.0.1:0", "--data-dir", temporary("busy")]);
  const dataDir = temporary("data");
  const first = await run(["start", "--detach", "--listen", "127.0.0.1:0", "--data-dir", dataDir]);
  const address = new URL(first.stdout.trim()).host;
  const taken = await run(["start", "--detach", "--listen", address, "--data-dir", temporary("data")]);
  const inFront = await run(["start", "--listen", address, "--data-dir", temporary("data")]);

  expect(busy).toMatchObject({
    exit: 75,
    stderr: expect.stringMatching(/is in use by pid 1\. Stop that one first/),
  });
  expect(taken).toMatchObject({ exit: 75, stderr: expect.stringMatching(/the port is in use/) });
  // One sentence, without the log's own lines before it.
  expect(inFront).toMatchObject({
    exit: 75,
    stderr: expect.stringMatching(/^sluice: .*port is in use.*\n$/),
  });
});

test("a data directory that cannot be made is refused (exit 77)", async () => {
  const directory = temporary("data", "..");
  writeFileSync(join(directory, "file"), "");

  const result = await run(["start", "--detach", "--data-dir", join(directory, "file", "data")]);

  expect(result).toMatchObject({ exit: 77, stderr: expect.stringContaining("cannot be used") });
});

test("SIGTERM drains and exits 0; stdout has only the URL", async () => {
  const child = start(["start", "--listen", "127.0.0.1:0", "--data-dir", temporary("data")]);
  const line = await firstLine(child);

  child.kill("SIGTERM");
  const [exit] = await once(child, "exit");

  expect(line).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(exit).toBe(0);
});

for (const [signal, exit] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const) {
  test(`a second ${signal} ends it at once (exit ${exit}, P10)`, async () => {
    const child = start(["start", "--listen", "127.0.0.1:0", "--data-dir", temporary("data")], {
      HOME: "/hang",
    });
    const url = await firstLine(child);
    child.kill(signal);
    while ((await statusOf(`${url}/readyz`)) === 200) await new Promise(setImmediate);

    child.kill(signal);
    const [code] = await once(child, "exit");

    expect(code).toBe(exit);
  });
}

/** With a connection of its own: a draining daemon closes idle ones, which a pool finds out too late. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}

test("a closed terminal and a reader that leaves do not end a detached daemon (T25)", async () => {
  const dataDir = temporary("data");
  await run(["start", "--detach", "--listen", "127.0.0.1:0", "--data-dir", dataDir]);
  const { pid, url } = JSON.parse(readFileSync(join(dataDir, "daemon.json"), "utf8"));

  process.kill(pid, "SIGHUP");

  expect((await fetch(`${url}/livez`)).status).toBe(200);
  await vi.waitFor(async () => {
    const logs = await run(["logs", "--data-dir", dataDir]);
    expect(logs.stdout).toContain("configuration reloaded");
  }, 10_000);
});

test("a daemon whose readers left before it had said a word goes on, and drains when told to (P10, T25)", async () => {
  const dataDir = temporary("data");
  const child = start(["start", "--listen", "127.0.0.1:0", "--data-dir", dataDir]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  await vi.waitFor(() => expect(existsSync(join(dataDir, "daemon.json"))).toBe(true), 10_000);
  const { url } = JSON.parse(readFileSync(join(dataDir, "daemon.json"), "utf8"));
  // Its words are written by now: it answers after them.
  const { status } = await fetch(`${url}/livez`);

  child.kill("SIGTERM");
  const [exit] = await once(child, "exit");

  expect([status, exit]).toEqual([200, 0]);
  expect(readFileSync(join(dataDir, "sluice.log"), "utf8")).toContain("stopped");
});

test("events are sent from stdin, counted in status, and shown by tail", async () => {
  const dataDir = temporary("data");
  await run(["start", "--detach", "--listen", "127.0.0.1:0", "--data-dir", dataDir]);
  const tail = start(["tail", "--json", "--data-dir", dataDir]);
  await once(tail.stderr ?? tail, "data");

  const sent = await run(
    ["send", "--data-dir", dataDir],
    {},
    '{"id":"1","kind":"x"}\n\n{"id":"2","kind":"x"}\n',
  );
  const line = await firstLine(tail);
  const status = JSON.parse((await run(["status", "--json", "--data-dir", dataDir])).stdout);
  tail.kill("SIGKILL");

  expect(sent).toMatchObject({ exit: 0, stderr: "2 events accepted.\n" });
  expect(JSON.parse(line)).toEqual({ id: "1", kind: "x" });
  expect(status.sinks[0].balance.delivered).toBe(2);
});

test("what is refused of what was sent is named by its line (exit 4, all of it: exit 1)", async () => {
  const dataDir = temporary("data");
  await run(["start", "--detach", "--listen", "127.0.0.1:0", "--data-dir", dataDir]);

  const some = await run(["send", "--data-dir", dataDir], {}, '{"id":"1","kind":"x"}\n\nnope\n');
  const none = await run(["send", "--data-dir", dataDir], {}, "nope\n");
  const gone = await run(["send", "--data-dir", dataDir, "gone.ndjson"]);

  expect(some).toMatchObject({ exit: 4, stderr: "line 3: Not JSON.\n1 events accepted, 1 refused.\n" });
  expect(none.exit).toBe(1);
  expect(gone).toMatchObject({
    exit: 74,
    stderr: expect.stringContaining("gone.ndjson cannot be read: ENOENT"),
  });
});

test("nothing on the command line is help, on stdout, exit 0; a reader that leaves is success", async () => {
  const help = await run([]);
  const version = await run(["--version"]);

  expect(help).toMatchObject({ exit: 0, stderr: "", stdout: expect.stringContaining("dispatcher") });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

function temporary(...parts: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  directories.push(directory);
  mkdirSync(join(directory, "home"));
  return join(directory, ...parts);
}

function start(flags: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ["--conditions=sluice-source", SCRIPT, ...flags], {
    // No configuration of this machine, and no key of it, may have a say.
    env: { PATH: process.env["PATH"], HOME: "/nowhere", ...env },
    cwd: tmpdir(),
    stdio: ["pipe", "pipe", "pipe"],
  });
}

async function run(flags: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") {
  const child = start(flags, env);
  child.stdin?.end(input);
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const [exit] = await once(child, "close");
  return { ...output, exit };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
