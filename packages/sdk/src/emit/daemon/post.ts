import type { Clock } from "../../system/clock.ts";
import { codeOf } from "../../system/disk.ts";
import type { HttpClient } from "../../system/http-client.ts";
import { messageOf } from "../drop.ts";
import { type Answer, readAnswer } from "./answer.ts";
import type { Lines } from "./backlog.ts";
import type { Target } from "./target.ts";

/** A daemon on this machine answers in milliseconds; one that syncs a slow disk may take a second. */
const ANSWER_MS = 10_000;

/**
 * Sends lines to `POST /v1/events`. Resolves also when nobody is there, with "later"; rejects only when
 * `signal` aborts.
 */
export async function postLines(
  { http, target, clock }: { readonly http: HttpClient; readonly target: Target; readonly clock: Clock },
  lines: Lines,
  signal: AbortSignal,
): Promise<Answer> {
  const timeout = new AbortController();
  const timer = clock.after(ANSWER_MS, () => timeout.abort(new Error("no answer in 10 s")));
  try {
    const either = AbortSignal.any([signal, timeout.signal]);
    const place = await target.find(either);
    if (place === undefined) return notThere(target, "another program answers there");
    const { token, ...where } = place;
    const headers = {
      "content-type": "application/x-ndjson",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const body = lines.bytes;
    const request = { ...where, url: `${where.url}/v1/events`, method: "POST", headers, body } as const;
    const answer = readAnswer(await http.send(request, either), lines.events);
    // A daemon that was started again has another token.
    if (answer.status === "blocked" || answer.status === "later") target.lost();
    return answer;
  } catch (error) {
    target.lost();
    if (signal.aborted) throw error;
    return notThere(target, codeOf(error) ?? messageOf(timeout.signal.reason ?? error));
  } finally {
    timer.cancel();
  }
}

function notThere(target: Target, why: string): Answer {
  return { status: "later", detail: `no daemon answers (${why}); looked at ${target.description}` };
}
