import { z } from "zod";
import { sendJson } from "../http/send.ts";
import type { Replays } from "../pipeline.ts";
import { answerWith, lastWord, readRequest } from "./answer.ts";
import type { Route } from "./routes.ts";

const offset = z.int().nonnegative();
const time = z.iso.datetime({ offset: true });
const replayRequest = z.strictObject({
  sink: z.string(),
  from: offset.optional(),
  until: offset.optional(),
  since: time.optional(),
  before: time.optional(),
  rate: z.number().positive().optional(),
  dryRun: z.boolean().optional(),
});

const REPLAYS = "/v1/replays";

/** Replays: what is under way stands in the status. */
export function replayRoutes(replays: () => Replays): readonly Route[] {
  return [
    {
      method: "GET",
      path: REPLAYS,
      access: "token",
      serve: (_request, response) => sendJson(response, 200, { finished: replays().finished }),
    },
    {
      method: "POST",
      path: REPLAYS,
      access: "token",
      async serve(request, response) {
        const asked = await readRequest(request, response, replayRequest);
        if (!asked) return;
        const { dryRun, ...rest } = asked;
        const gone = new AbortController();
        response.once("close", () => gone.abort());
        await answerWith(response, async () => {
          if (dryRun) sendJson(response, 200, await replays().plan(rest, gone.signal));
          else sendJson(response, 202, await replays().start(rest));
        });
      },
    },
    {
      method: "DELETE",
      path: `${REPLAYS}/`,
      isPrefix: true,
      access: "token",
      serve: (_request, response, { path }) =>
        answerWith(response, async () => {
          sendJson(response, 200, await replays().cancel(lastWord(path, `${REPLAYS}/`)));
        }),
    },
  ];
}
