import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runInNewContext } from "node:vm";
import { EventSource, MessageEvent } from "undici";
import { afterEach, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "examples/chat-page/page.html"), "utf8");

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Words that would show if a page took them for markup, or a line of an event for another one. */
const WORDS = Array.from({ length: 200 }, (_, n) =>
  n % 9 === 0 ? `<b>${n}</b>\n\nid: ${n}\r\n` : `word-${n} `,
);

test("a page that is reloaded half-way, and again after the end, shows the exact answer", async () => {
  const { model, url } = await openExample();
  const page = openPage(url);
  page.ask("Tell me.");
  model.say(WORDS.slice(0, 100));
  await until(() => page.shows(WORDS.slice(0, 60)));

  page.close();
  model.say(WORDS.slice(100, 150));
  const reloaded = openPage(url, page.sessionStorage);
  await until(() => reloaded.shows(WORDS.slice(0, 150)));
  model.say(WORDS.slice(150));
  model.stop();
  await until(() => reloaded.status() === "Done: stop.");

  expect(reloaded.answer()).toBe(WORDS.join(""));
  const late = openPage(url, page.sessionStorage);
  await until(() => late.status() === "Done: stop.");
  expect(late.answer()).toBe(WORDS.join(""));
});

test("a page whose connection is cut, and cut again, misses nothing and sees nothing twice", async () => {
  const { model, url } = await openExample();
  const line = await openLine(url);
  const page = openPage(line.url);
  page.ask("Tell me.");

  for (let from = 0; from < WORDS.length; from += 100) {
    model.say(WORDS.slice(from, from + 50));
    await until(() => page.shows(WORDS.slice(0, from + 50)));
    line.cut();
    model.say(WORDS.slice(from + 50, from + 100));
  }
  model.stop();
  await until(() => page.status() === "Done: stop.");

  expect(page.answer()).toBe(WORDS.join(""));
  expect(page.seqs()).toEqual(Array.from({ length: page.seqs().length }, (_, index) => index + 1));
  expect(page.connections()).toBe(3);
});

test("an EventSource that is not closed at the end comes back once, and is told to stay away", async () => {
  const { model, url } = await openExample();
  const page = openPage(url);
  page.ask("Tell me.");
  model.say(WORDS.slice(0, 3));
  model.stop();
  await until(() => page.status() === "Done: stop.");

  const source = new EventSource(`${url}answers/${page.sessionStorage.getItem("answer")}`);
  closers.push(() => source.close());
  let opened = 0;
  source.addEventListener("open", () => opened++);
  await until(() => source.readyState === EventSource.CLOSED);

  expect(opened).toBe(1);
});

test("a failed request is told to the page, and an answer that is not known too", async () => {
  const { model, url } = await openExample();
  model.fail();
  const page = openPage(url);
  page.ask("Tell me.");
  await until(() => page.status() === "500 no");

  page.sessionStorage.setItem("answer", "00000000-0000-0000-0000-000000000000");
  const lost = openPage(url, page.sessionStorage);
  await until(() => lost.status() === "The server has forgotten this answer.");
});

test("the server starts no answer for a form of another page", async () => {
  const { url } = await openExample();

  const response = await fetch(`${url}answers`, { method: "POST", body: '{"question":"Tell me."}' });

  expect(response.status).toBe(415);
  expect(PAGE).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** The example as its reader starts it, and a model that says what the test tells it to. */
async function openExample() {
  const model = await openModel();
  const child = spawn(process.execPath, ["--conditions=sluice-source", "examples/chat-page/server.ts"], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, PORT: "0", OPENAI_API_KEY: "test", OPENAI_BASE_URL: model.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  closers.push(() => stop(child));
  child.stderr.resume();
  const [line] = await once(createInterface(child.stdout), "line");
  return { model, url: /http:\S+/.exec(line)?.[0] ?? "" };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}

async function openModel() {
  const said: string[] = [];
  let response: ServerResponse | undefined;
  let isFailing = false;
  const flush = () => {
    if (response !== undefined) for (const text of said.splice(0)) response.write(text);
  };
  const say = (text: string) => {
    said.push(text);
    flush();
  };
  const server = createServer((request, answer) => {
    if (isFailing) {
      answer.writeHead(500, { "x-should-retry": "false", "content-type": "application/json" });
      answer.end('{"error":{"message":"no"}}');
      return;
    }
    request.resume();
    answer.writeHead(200, { "content-type": "text/event-stream" });
    response = answer;
    flush();
  });
  const port = await listen(server);
  const chunk = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ id: "c-1", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    say: (words: readonly string[]) => say(words.map((content) => chunk({ content })).join("")),
    stop: () => say(`${chunk({}, "stop")}data: [DONE]\n\n`),
    fail: () => {
      isFailing = true;
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** The connection to a server, which can be cut while both ends live. */
async function openLine(url: string) {
  const sockets = new Set<Socket>();
  const server = createTcpServer((near) => {
    const far = connect(Number(new URL(url).port), "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  closers.push(() => {
    cut();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, cut };
}

/** An element as far as the page uses one: text goes in, nothing else can. */
class Element {
  readonly #listeners = new Map<string, (event: object) => unknown>();
  textContent = "";
  value = "";

  append(text: string): void {
    this.textContent += text;
  }

  addEventListener(type: string, listener: (event: object) => unknown): void {
    this.#listeners.set(type, listener);
  }

  dispatch(type: string): void {
    this.#listeners.get(type)?.({ preventDefault() {} });
  }
}

class SessionStorage {
  readonly #items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
}

/** Runs the script of the real page, with the EventSource of undici and no more of a browser than it uses. */
function openPage(url: string, sessionStorage = new SessionStorage()) {
  const elements = new Map<string, Element>();
  const element = (name: string) => elements.get(name) ?? new Element();
  for (const name of ["#ask", "#question", "#status", "#answer"]) elements.set(name, new Element());
  const sources: EventSource[] = [];
  const seqs: number[] = [];
  let connections = 0;
  class PageEventSource extends EventSource {
    constructor(path: string) {
      super(new URL(path, url));
      sources.push(this);
      this.addEventListener("open", () => connections++);
      for (const type of ["MessageStart", "ContentStart", "TextDelta", "ContentEnd", "MessageStop", "Gap"])
        this.addEventListener(type, (event) => {
          if (event instanceof MessageEvent) seqs.push(Number(event.lastEventId));
        });
    }
  }
  runInNewContext(/<script type="module">(.*)<\/script>/s.exec(PAGE)?.[1] ?? "", {
    document: { querySelector: element },
    sessionStorage,
    EventSource: PageEventSource,
    fetch: (path: string, init: RequestInit) => fetch(new URL(path, url), init),
  });
  const close = () => {
    for (const source of sources) source.close();
  };
  closers.push(close);
  return {
    sessionStorage,
    close,
    ask: (text: string) => {
      element("#question").value = text;
      element("#ask").dispatch("submit");
    },
    answer: () => element("#answer").textContent,
    status: () => element("#status").textContent,
    shows: (words: readonly string[]) => element("#answer").textContent.startsWith(words.join("")),
    seqs: () => seqs,
    connections: () => connections,
  };
}
