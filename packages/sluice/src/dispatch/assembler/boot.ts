import type { Random } from "@sluice/sdk/internal";

/**
 * The boot id of a process that owns a data directory: `<data dir id>.<random>`. It stands as `writer` in
 * every run that the process itself will end, so that a later owner recognises by the first part what an
 * earlier one left open: the owner lock proves that one dead. An SDK's writer is its own instance id, has no
 * such first part, and is never taken for dead.
 */
export function createBootId(dataDirId: string, random: Random): string {
  return `${dataDirId}.${Buffer.from(random.fill(new Uint8Array(BOOT_BYTES))).toString("hex")}`;
}

const BOOT_BYTES = 8;

export function isEarlierBoot(writer: string, bootId: string): boolean {
  const dataDirId = bootId.slice(0, bootId.lastIndexOf(".") + 1);
  return dataDirId !== "" && writer !== bootId && writer.startsWith(dataDirId);
}
