/**
 * Whether a segment has been closed: nothing is ever written behind a seal.
 *
 *     …|{"crc":…,"dur":4713}|{"crc":…,"seal":{"last":4713,…}}|      its last line, at the end of the file
 */
import type { Directory } from "@taskwal/disk";
import { limits, lineOf, newline, parseJson, verifyLine } from "@taskwal/format";
import type { SegmentFile } from "./segment-list.ts";

/** The sequence that its seal names; undefined without a seal that verifies. Errors of the disk pass through. */
export const sealedLast = async (
  directory: Directory,
  { name, sizeBytes, salt }: Pick<SegmentFile, "name" | "sizeBytes" | "salt">,
): Promise<number | undefined> => {
  const file = await directory.open(name, "read");
  try {
    const bytes = new Uint8Array(Math.min(sizeBytes, limits.blockBytes));
    const end = (await file.read(bytes, sizeBytes - bytes.length)) - 1;
    if (bytes[end] !== newline) return undefined;
    const start = bytes.lastIndexOf(newline, end - 1) + 1;
    if (!verifyLine(bytes, start, end, salt)) return undefined;
    const line = lineOf(parseJson(Buffer.from(bytes.subarray(start, end)).toString()));
    return line.kind === "seal" ? line.seal.last : undefined;
  } finally {
    await file.close();
  }
};
