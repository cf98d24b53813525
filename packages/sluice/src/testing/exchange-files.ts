import { codeOf, type Disk } from "@sluice/sdk/internal";

/**
 * A recorded or written exchange with a provider: a folder with `request.json` (where one was recorded),
 * `response.json` or `response.sse` (or both, which are two separate calls), and `meta.json` (`url`,
 * `status`, `content_type`).
 */
export interface Exchange {
  /** The folder's name, and which of its responses. */
  readonly name: string;
  /** Path of the provider's URL, from `/v1` on. */
  readonly path: string;
  readonly request: Buffer | undefined;
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  readonly isStream: boolean;
}

/** No exchange comes near; a file that is longer is not one. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads one folder: one exchange for each response in it. `path` serves where the folder names no URL; a
 * status that was not kept is 400, since only errors lack one. Rejects when the folder holds no response.
 */
export async function readExchanges(
  disk: Disk,
  folder: string,
  path = "/v1/chat/completions",
): Promise<Exchange[]> {
  const name = folder.split("/").at(-1) ?? folder;
  const [meta, request, json, sse] = await Promise.all(
    ["meta.json", "request.json", "response.json", "response.sse"].map((file) =>
      readWhole(disk, `${folder}/${file}`),
    ),
  );
  const { url, status } = metaOf(meta);
  const shared = { path: url === undefined ? path : new URL(url).pathname, request, status: status ?? 400 };
  const exchanges: Exchange[] = [];
  if (json !== undefined) {
    const contentType = "application/json";
    exchanges.push({ ...shared, name: `${name}/response.json`, contentType, body: json, isStream: false });
  }
  if (sse !== undefined) {
    const contentType = "text/event-stream; charset=utf-8";
    exchanges.push({ ...shared, name: `${name}/response.sse`, contentType, body: sse, isStream: true });
  }
  if (exchanges.length === 0)
    throw new Error(`The folder ${folder} holds no response.json and no response.sse.`);
  return exchanges;
}

interface Meta {
  readonly url?: string | undefined;
  readonly status?: number | undefined;
}

function metaOf(bytes: Buffer | undefined): Meta {
  if (bytes === undefined) return { status: 200 };
  const meta: unknown = JSON.parse(bytes.toString("utf8"));
  if (typeof meta !== "object" || meta === null) return { status: 200 };
  const url = "url" in meta && typeof meta.url === "string" ? meta.url : undefined;
  const status = "status" in meta && typeof meta.status === "number" ? meta.status : undefined;
  return { url, status };
}

async function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  try {
    const file = await disk.open(path, "read");
    try {
      const { sizeBytes } = await file.stat();
      if (sizeBytes > FILE_BYTES_MAX)
        throw new Error(`${path} has ${sizeBytes} bytes, too many for an exchange.`);
      const bytes = Buffer.alloc(sizeBytes);
      await file.read(bytes, 0);
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
