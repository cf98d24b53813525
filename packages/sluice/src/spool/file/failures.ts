import { codeOf } from "@sluice/sdk/internal";

/**
 * What a full volume, a quota and a file size limit look like. They pass; everything else is a failing disk.
 */
const NO_SPACE_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isNoSpace(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && NO_SPACE_CODES.has(code);
}

/** For what is tried on a failing disk to leave it tidier, and changes nothing if it fails as well. */
export async function ignoreFailure(attempt: Promise<void> | undefined): Promise<void> {
  try {
    await attempt;
  } catch {
    // The failure that led here is the one that is reported.
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
