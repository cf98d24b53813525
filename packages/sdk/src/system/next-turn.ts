/**
 * Calls `action` in the next turn of the event loop, when everything that was ready now has run. Keeps the
 * process alive for that one turn.
 */
export function nextTurn(action: () => void): void {
  setImmediate(action);
}
