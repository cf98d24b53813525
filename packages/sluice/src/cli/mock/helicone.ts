import { createHelicone, HELICONE_TEST_KEY } from "../../testing/index.ts";
import { REFUSAL } from "./items.ts";
import type { OpenMock } from "./services.ts";

const SCORED = /^\/v1\/request\/([^/]+)\/(?:score|feedback)$/;

/** A record is a request there, and its failure to store it comes with 200. */
export function openHeliconeMock(): OpenMock {
  const helicone = createHelicone();
  let isRefused = () => false;
  return {
    keys: { api_key: HELICONE_TEST_KEY },
    path: "",
    answer(request) {
      helicone.failStorage(isRefused() ? REFUSAL : undefined);
      return helicone.answer(request);
    },
    itemsOf(request, { status = 200, headers, body }) {
      if (status >= 300) return [];
      const scored = SCORED.exec(request.path)?.[1];
      const id = scored ?? String(headers?.["helicone-id"] ?? "");
      const error: unknown = Object(body).error;
      if (typeof error === "string") return [{ id, outcome: "refused", reason: error }];
      return id === "" ? [] : [{ id, outcome: "stored" }];
    },
    refuseItems(isDue) {
      isRefused = isDue;
    },
  };
}
