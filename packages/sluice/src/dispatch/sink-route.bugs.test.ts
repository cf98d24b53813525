import { expect, test } from "vitest";
import { stage } from "./route.test-support.ts";

test.each(["onInFlight", "state"])(
  "a bug that shows on a timer or behind a batch (%s) fails the route and nothing else",
  async (what) => {
    const setup = await stage({ definition: { limits: { events: 8, bytes: 1e6 }, inFlight: 1 } });
    await setup.append("a");
    let calls = 0;
    const good = setup.sink.answer;
    setup.sink.answer = (batch, signal) => {
      // From the answer on, a look at the route throws: on its way back, in #finish.
      if (what === "state")
        Object.defineProperty(setup.spool, "state", {
          configurable: true,
          get() {
            calls++;
            throw new Error("broken");
          },
        });
      return good(batch, signal);
    };
    if (what === "onInFlight")
      Object.defineProperty(setup.spool, "state", {
        configurable: true,
        get() {
          calls++;
          throw new Error("broken");
        },
      });
    await setup.clock.advance(2_000);
    Reflect.deleteProperty(setup.spool, "state");
    expect(calls).toBeGreaterThan(0);
    expect(setup.route.status.state).toMatchObject({ name: "failed", reason: "broken" });
  },
);
