import type { Event } from "@sluice/sdk";
import { z } from "zod";
import { sendJson } from "../http/send.ts";
import type { Desk } from "../pipeline.ts";
import { answerWith, lastWord, readRequest } from "./answer.ts";
import type { Route } from "./routes.ts";

const decision = z
  .strictObject({
    action: z.enum(["retry", "drop"]),
    offsets: z.array(z.int().nonnegative()).min(1).optional(),
    reason: z.string().optional(),
    /** In the place of the one letter that is named. */
    event: z.looseObject({ id: z.string(), kind: z.string(), time: z.string() }).optional(),
  })
  // Of several letters all but one would count as sent, and be lost.
  .refine(({ event, offsets }) => event === undefined || offsets?.length === 1, {
    path: ["offsets"],
    message: "An event takes the place of one letter: name one offset.",
  });

const LETTERS = "/v1/deadletters/";

/** What is to become of a sink's dead letters. They are read from their file. */
export function deadLetterRoutes(deskOf: (sink: string) => Desk): readonly Route[] {
  return [
    {
      method: "POST",
      path: LETTERS,
      isPrefix: true,
      access: "token",
      async serve(request, response, { path }) {
        const decided = await readRequest(request, response, decision);
        if (!decided) return;
        const { action, event, ...selection } = decided;
        const gone = new AbortController();
        response.once("close", () => gone.abort());
        await answerWith(response, async () => {
          const desk = deskOf(lastWord(path, LETTERS));
          const outcome =
            action === "drop"
              ? await desk.drop(selection)
              : await desk.retry(selection, gone.signal, event as Event | undefined);
          sendJson(response, 200, outcome);
        });
      },
    },
  ];
}
