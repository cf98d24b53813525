/** Moments have to pass where it must not matter when something comes, and where a load has a pace. */
export function passed(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
