import type { Clock } from "@sluice/sdk/internal";

/** Often enough for a person to see that it goes on, seldom enough that it fills no log. */
const SAY_EVERY_MS = 60_000;

/** Says of each subject what happens to it: the first time at once, then at most once a minute, summed up. */
export class Seldom {
  readonly #clock: Clock;
  readonly #say: (message: string) => void;
  readonly #said = new Map<string, { untilMs: number; events: number }>();

  constructor(clock: Clock, say: (message: string) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** `sentence` gets how many events it has happened to since it was said last. */
  count(subject: string, events: number, sentence: (events: number) => string): void {
    const nowMs = this.#clock.monotonicMs();
    const said = this.#said.get(subject) ?? { untilMs: nowMs, events: 0 };
    this.#said.set(subject, said);
    said.events += events;
    if (nowMs < said.untilMs) return;
    this.#say(sentence(said.events));
    said.untilMs = nowMs + SAY_EVERY_MS;
    said.events = 0;
  }
}
