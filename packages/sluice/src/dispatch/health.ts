import type { RouteState } from "./route-state.ts";

/**
 * What people are told about a sink. It follows from the route's state and the failed requests in a row:
 *
 *  healthy ──1 failure──▶ degraded ──5 in a row──▶ unavailable ──a probe──▶ probing ──answered──▶ healthy
 *   any ──the backend blocks us──▶ paused
 *   any ──a bug──▶ failed
 */
export type Health =
  | { readonly name: "healthy" }
  | { readonly name: "degraded"; readonly failures: number }
  | { readonly name: "unavailable"; readonly failures: number }
  | { readonly name: "probing" }
  | { readonly name: "paused"; readonly reason: string }
  | { readonly name: "failed"; readonly reason: string };

export function healthOf(state: RouteState, failuresInRow: number, unavailableAfter: number): Health {
  switch (state.name) {
    case "paused":
      return { name: "paused", reason: state.reason };
    case "failed":
      return { name: "failed", reason: state.reason };
    case "probing":
      return { name: "probing" };
    case "running":
    case "waiting":
    case "draining":
    case "closed":
      if (failuresInRow === 0) return { name: "healthy" };
      return { name: failuresInRow < unavailableAfter ? "degraded" : "unavailable", failures: failuresInRow };
  }
}
