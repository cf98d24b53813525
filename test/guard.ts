/**
 * Runs before every test run: the suite needs the Node that the lockfile pins, not the one the machine has.
 */
export default function guard(): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 24) {
    throw new Error(
      `The tests need Node 24 or newer, and this is ${process.version}. Run them with "npm test", which uses the Node from node_modules; ` +
        `if it still happens, install scripts were skipped: run "npm ci" without --ignore-scripts.`,
    );
  }
}
