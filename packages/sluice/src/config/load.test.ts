import { expect, test } from "vitest";
import { z } from "zod";
import { SluiceError } from "../errors.ts";
import { defineSink, type SinkDefinition } from "../sinks/define.ts";
import { loadConfig } from "./load.ts";

const HOME = "/ada";
const CWD = "/ada/shop/api";

test("without any configuration one file sink writes into the data directory", async () => {
  const config = await load({});

  expect(config.listen).toEqual({ host: "127.0.0.1", port: 4747 });
  expect(config.dataDir).toBe("/ada/.local/state/sluice");
  expect(config.sinks).toEqual([
    { name: "file", type: "file", enabled: true, params: { path: "events.jsonl", format: "jsonl" } },
  ]);
});

test("of two places the later wins, key by key: /etc, XDG, nearest file, environment, flags", async () => {
  const config = await load({
    files: {
      "/etc/sluice/sluice.toml": '[spool]\nmax_bytes = "1 GiB"\nmin_free = "1 MiB"\nkeep_for = "1h"\n',
      "/ada/.config/sluice/sluice.toml": '[spool]\nmin_free = "2 MiB"\nkeep_for = "2h"\n',
      "/ada/shop/sluice.toml": '[spool]\nkeep_for = "3h"\n[server]\nlisten = "127.0.0.1:1"\n',
      "/ada/sluice.toml": '[spool]\nkeep_for = "4h"\n',
    },
    env: { SLUICE_LISTEN: "127.0.0.1:2", SLUICE_LOG__LEVEL: "debug" },
    flags: { listen: "127.0.0.1:3", dataDir: "here" },
  });

  expect(config.spool).toEqual({
    maxBytes: 1024 ** 3,
    minFreeBytes: 2 * 1024 ** 2,
    keepForMs: 3 * 3_600_000,
  });
  expect(config.listen.port).toBe(3);
  expect(config.logLevel).toBe("debug");
  expect(config.dataDir).toBe("/ada/shop/api/here");
});

test("tokens are counted and priced by what is published, unless it says otherwise", async () => {
  const toml = `
    [tokens]
    count = false
    [[prices]]
    model = "llama-*"
    provider = "my.house"
    from = "2026-01-31"
    input = 0.5
    output = 0
    cache_read = 0.05
    cache_write_5m = 1
    cache_write_1h = 2
    reasoning = 3
    audio_input = 4
    audio_output = 5
  `;

  expect((await load({})).metering).toEqual({ isCounting: true, prices: [] });
  expect((await load({ files: { "/ada/sluice.toml": toml } })).metering).toEqual({
    isCounting: false,
    prices: [
      {
        ...{
          model: "llama-*",
          provider: "my.house",
          from: "2026-01-31",
          input: 0.5,
          output: 0,
          cacheRead: 0.05,
        },
        ...{ cacheWrite5m: 1, cacheWrite1h: 2, reasoning: 3, audioInput: 4, audioOutput: 5 },
      },
    ],
  });
});

test.each([
  ["input = -1\noutput = 1", /prices\[0\]\.input must be/],
  ["input = 1", /prices\[0\]\.output is missing/],
  [
    "input = 1\noutput = 1\ncacheRead = 1",
    /prices\[0\]\.cacheRead is no setting. Did you mean "cache_read"\?/,
  ],
  ['input = 1\noutput = 1\nfrom = "January"', /prices\[0\]\.from is no day: write it like "2026-01-31"/],
])("a price that is none is refused with its place", async (lines, complaint) => {
  const text = `[[prices]]\nmodel = "m"\n${lines}\n`;

  await expect(load({ files: { "/ada/sluice.toml": text } })).rejects.toThrow(complaint);
});

test("each source has its durability, which is the disk unless it says otherwise (P1)", async () => {
  const config = await load({
    files: { "/ada/sluice.toml": '[ingest]\ndurability = "os"\n' },
  });
  const fromEnvironment = await load({ env: { SLUICE_PROXY__DURABILITY: "os" } });
  const wrong = load({ files: { "/ada/sluice.toml": '[proxy]\ndurability = "memory"\n' } });

  expect(config.durability).toEqual({ ingest: "os", proxy: "disk" });
  expect(fromEnvironment.durability).toEqual({ ingest: "disk", proxy: "os" });
  await expect(wrong).rejects.toThrow("proxy.durability");
});

test("--config replaces the files that are looked for, and SLUICE_CONFIG does the same", async () => {
  const files = {
    "/etc/sluice/sluice.toml": '[spool]\nkeep_for = "1h"\n',
    "/ada/shop/api/mine.toml": '[log]\nlevel = "warn"\n',
  };

  const byFlag = await load({ files, flags: { config: "mine.toml" } });
  const byEnv = await load({ files, env: { SLUICE_CONFIG: "/ada/shop/api/mine.toml" } });

  for (const config of [byFlag, byEnv]) {
    expect(config.logLevel).toBe("warn");
    expect(config.spool.keepForMs).toBe(24 * 3_600_000);
  }
});

test("the search upward ends at a repository's root", async () => {
  const config = await load({
    files: { "/ada/sluice.toml": '[log]\nlevel = "warn"\n' },
    directories: ["/ada/shop/.git"],
  });

  expect(config.logLevel).toBe("info");
});

test("the fifth seed's words are taken: [[streams]], its scope and its params", async () => {
  const config = await load({
    flags: { config: "/c.toml" },
    files: {
      "/c.toml": `
[[streams]]
name = "lunary-prod"
type = "lunary"
enabled = true
[streams.scope]
kind = "connector"
connector_uid = "01985d00-1"
[streams.params]
api_key = "sk-lunary-123"
`,
    },
  });

  const [sink] = config.sinks;
  expect(sink).toMatchObject({ name: "lunary-prod", type: "lunary", params: { api_key: "sk-lunary-123" } });
  const event = { id: "1", kind: "x", time: "2026-01-01T00:00:00Z" };
  expect(sink?.filter?.({ ...event, session: { connector: "01985d00-1" } })).toBe(true);
  expect(sink?.filter?.(event)).toBe(false);
});

test("a placeholder is filled once, in values only, files from the configuration's place", async () => {
  const config = await load({
    flags: { config: "/etc/s/c.toml" },
    env: { KEY: `\${env:OTHER}`, OTHER: "wrong" },
    files: {
      "/etc/s/c.toml": `[[sinks]]\nname = "a"\ntype = "lunary"\nparams = { api_key = "pk-\${env:KEY}", endpoint = "http://\${file:host}/x" }\n`,
      "/etc/s/host": "backend.test\n",
    },
  });

  expect(config.sinks[0]?.params).toEqual({ api_key: `pk-\${env:OTHER}`, endpoint: "http://backend.test/x" });
});

test("secrets from the configuration are masked in anything that is printed", async () => {
  const config = await load({
    flags: { config: "/c.toml" },
    files: {
      "/c.toml": `[[sinks]]\nname = "a"\ntype = "lunary"\nparams = { api_key = "sk-\\"quoted\\"/é" }\n[server]\ntoken = "0123456789abcdef"\n`,
    },
  });

  for (const form of [
    'sk-"quoted"/é',
    JSON.stringify('sk-"quoted"/é'),
    encodeURIComponent('sk-"quoted"/é'),
    Buffer.from('sk-"quoted"/é').toString("base64"),
    "token 0123456789abcdef!",
  ]) {
    expect(config.secrets.redact(form)).toContain("[secret]");
  }
});

test("the data directory follows systemd, then XDG, then the home directory", async () => {
  expect((await load({ env: { STATE_DIRECTORY: "/var/lib/sluice" } })).dataDir).toBe("/var/lib/sluice");
  expect((await load({ env: { XDG_STATE_HOME: "/state" } })).dataDir).toBe("/state/sluice");
  const config = await load({
    files: { "/ada/shop/sluice.toml": '[spool]\ndata_dir = "data"\n' },
  });
  expect(config.dataDir).toBe("/ada/shop/data");
});

const BAD: readonly (readonly [string, string, RegExp])[] = [
  ["broken TOML", "[server\nlisten = 1", /^\/c\.toml:1:\d+: /m],
  ["an unknown table", "[sever]\n", /^\/c\.toml:1:1: sever is no setting\. Did you mean "server"\?/m],
  ["an unknown key", '[spool]\n\nmax_byte = "1 GiB"', /^\/c\.toml:3:1: spool\.max_byte is no .*"max_bytes"/m],
  ["an unknown key far from any", "[log]\nxyzzy = 1", /log\.xyzzy is no setting\. Known here: level/],
  ["a size without a unit", '[spool]\nmax_bytes = "5"', /^\/c\.toml:2:1: spool\.max_bytes is no size/m],
  ["a duration in words", '[spool]\nkeep_for = "a day"', /spool\.keep_for is no duration/],
  ["a wrong type", "[spool]\nkeep_for = 5", /spool\.keep_for must be string/],
  ["an address without a port", '[server]\nlisten = "localhost"', /server\.listen is no address/],
  ["a port that does not exist", '[server]\nlisten = "localhost:70000"', /server\.listen is no address/],
  ["a short token", '[server]\ntoken = "short"', /server\.token is too short/],
  ["a sink without a name", '[[sinks]]\ntype = "file"', /^\/c\.toml:1:1: sinks\[0\]\.name is missing/m],
  [
    "a misspelt sink type",
    '[[sinks]]\nname = "a"\ntype = "lunray"',
    /^\/c\.toml:3:1: sinks\[0\]\.type there is no sink type "lunray"\. Did you mean "lunary"\? Known: file, lunary/m,
  ],
  [
    "an unknown param in the second sink",
    '[[sinks]]\nname = "a"\ntype = "file"\n[[sinks]]\nname = "b"\ntype = "lunary"\n[sinks.params]\napi_kye = "x"',
    /^\/c\.toml:8:1: sinks\[1\]\.params\.api_kye is no setting\. Did you mean "api_key"\?/m,
  ],
  ["a missing param", '[[sinks]]\nname = "a"\ntype = "lunary"', /sinks\[0\]\.params\.api_key is missing/],
  [
    "a scope of an unknown kind",
    '[[sinks]]\nname = "a"\ntype = "file"\nscope = { kind = "x" }',
    /sinks\[0\]\.scope/,
  ],
  [
    "a scope without its id",
    '[[sinks]]\nname = "a"\ntype = "file"\n[sinks.scope]\nkind = "connector"\nconector_uid = "x"',
    /connector_uid is missing/,
  ],
  [
    "a former name that is in use",
    '[[sinks]]\nname = "a"\ntype = "file"\nwas = "b"\n[[sinks]]\nname = "b"\ntype = "file"\nparams = { path = "b.jsonl" }',
    /The sink "a" cannot have been "b": there is a sink of that name/,
  ],
  [
    "a condition that is none",
    '[[sinks]]\nname = "a"\ntype = "file"\n[sinks.filter]\nwhere = "event.kind =="',
    /^\/c\.toml:5:1: sinks\[0\]\.filter\.where is no condition: Unexpected token/m,
  ],
  [
    "two sinks of one name",
    '[[sinks]]\nname = "a"\ntype = "file"\n[[sinks]]\nname = "a"\ntype = "file"',
    /Two sinks/,
  ],
  [
    "an unset variable",
    `[server]\ntoken = "\${env:NOPE}"`,
    /^\/c\.toml:2:1: server\.token .*NOPE is not set/m,
  ],
  ["a missing file", `[server]\ntoken = "\${file:/nope}"`, /the file \/nope cannot be read \(ENOENT\)/],
  [
    "an unknown provider",
    '[proxy.opnai]\nbase_url = "http://x"',
    /proxy\.opnai is no setting\. Did you mean "openai"/,
  ],
  ["a URL that is none", '[proxy.openai]\nbase_url = "x"', /proxy\.openai\.base_url is no URL/],
  ["a sample above 1", '[[sinks]]\nname = "a"\ntype = "file"\nsample = 2', /\[0\]\.sample must be <=1/],
];

for (const [what, text, sentence] of BAD) {
  test(`${what} is refused with its place (exit 78)`, async () => {
    const error = await load({ files: { "/c.toml": text }, flags: { config: "/c.toml" } }).catch((e) => e);

    expect(SluiceError.is(error), String(error)).toBe(true);
    expect(error.exit).toBe(78);
    expect(error.message).toMatch(sentence);
  });
}

test("every mistake is named at once, and none of them shows a secret", async () => {
  const text = `[server]\ntoken = "0123456789abcdef"\nhots = []\n[log]\nlevel = "0123456789abcdef"\n`;
  const error = await load({ files: { "/c.toml": text }, flags: { config: "/c.toml" } }).catch((e) => e);

  expect(error.message).toContain("server.hots");
  expect(error.message).toContain("log.level");
  expect(error.message).not.toContain("0123456789abcdef");
});

test("a named configuration that is not there is said so, and a typo in a variable", async () => {
  await expect(load({ flags: { config: "gone.toml" } })).rejects.toThrow(/gone\.toml cannot be read: ENOENT/);
  await expect(load({ env: { SLUICE_SPOOL__MAX_BYTE: "1 GiB" } })).rejects.toThrow(
    /environment: spool\.max_byte/,
  );
});

test("variables that an orchestrator invents are not settings", async () => {
  const config = await load({ env: { SLUICE_PORT: "tcp://10.0.0.1:4747", SLUICE_SERVICE_HOST: "10.0.0.1" } });

  expect(config.listen.port).toBe(4747);
});

interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Parameters<typeof loadConfig>[0]["flags"];
}

function load({ files = {}, directories = [], env = {}, flags = {} }: World) {
  const readText = async (path: string): Promise<string> => {
    const text = files[path];
    if (text !== undefined) return text;
    const code = directories.includes(path) ? "EINVAL" : "ENOENT";
    throw Object.assign(new Error(code), { code });
  };
  return loadConfig({ cwd: CWD, env: { HOME, ...env }, flags, definitions: DEFINITIONS, readText });
}

const idle = async () => ({
  send: async () => ({ status: "delivered" }) as const,
  check: async () => undefined,
  close: async () => {},
});

const common = { limits: { events: 32, bytes: 1_000_000 }, order: "none", inFlight: 1, open: idle } as const;

const DEFINITIONS: readonly SinkDefinition[] = [
  defineSink({
    ...common,
    type: "file",
    summary: "Writes lines.",
    options: z.object({ path: z.string().default("events.jsonl"), format: z.string().default("jsonl") }),
    destination: () => "file",
  }),
  defineSink({
    ...common,
    type: "lunary",
    summary: "Sends to Lunary.",
    options: z.object({ api_key: z.string().min(1), endpoint: z.url().optional() }),
    destination: () => "lunary",
  }),
];
