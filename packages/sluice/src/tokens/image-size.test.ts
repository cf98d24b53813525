import { expect, test } from "vitest";
import { imageSizeOf } from "./image-size.ts";

const PNG = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"),
  Buffer.from([0, 0, 2, 0, 0, 0, 1, 0, 8, 6, 0, 0, 0]),
]);
const JPEG = Buffer.from([
  ...[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2],
  ...[0xff, 0xc2, 0, 17, 8, 1, 0, 2, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
]);

test("the size of a PNG and of a JPEG is read from its head", () => {
  expect(imageSizeOf(urlOf("png", PNG))).toEqual({ width: 512, height: 256 });
  expect(imageSizeOf(urlOf("jpeg", JPEG))).toEqual({ width: 512, height: 256 });
});

test("of an address, of another format and of a head that is cut anywhere nothing is made up", () => {
  const cut = [PNG, JPEG].flatMap((bytes) =>
    Array.from({ length: 16 }, (_, size) => urlOf("png", bytes.subarray(0, size))),
  );

  for (const url of [undefined, 7, "https://example.com/a.png", urlOf("webp", Buffer.from("RIFF")), ...cut])
    expect(imageSizeOf(url)).toBeUndefined();
});

function urlOf(format: string, bytes: Buffer): string {
  return `data:image/${format};base64,${bytes.toString("base64")}`;
}
