/**
 * Reads a snapshot back, if it is whole.
 *
 *     readSnapshotHead   its first line, unverified: for orders and looks
 *     verifySnapshot     every byte, nothing kept
 *     readSnapshot       every byte, and all of it as values
 *
 * The rule: bad bytes are a value (`ok: false` with kind and reason); errors of the disk are thrown as
 * they are; and no single changed bit is ever `ok`.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory, File } from "@taskwal/disk";
import type { JsonValue } from "@taskwal/format";
import {
  scanSnapshot,
  unusable,
  type ScannedSnapshot,
  type UnusableSnapshot,
} from "./scan-snapshot.ts";
import { SnapshotBody } from "./snapshot-body.ts";
import { decodeHead, headBytesMax, type HeadReading } from "./snapshot-format.ts";

export interface WholeSnapshot extends ScannedSnapshot {
  readonly summary: Readonly<Record<string, JsonValue>>;
  /** Entities by collection, in the order of the file. Not frozen. */
  readonly collections: ReadonlyMap<string, JsonValue[]>;
  readonly engine: JsonValue;
}

export type SnapshotReading = WholeSnapshot | UnusableSnapshot;
export type SnapshotVerification = ScannedSnapshot | UnusableSnapshot;

/**
 * Reads and verifies a whole snapshot; a save beside it does no harm. With `clock`, others have a turn
 * after each mebibyte, also where reads give none. Writes nothing. Throws errors of the disk (EIO, EACCES).
 */
export const readSnapshot = async (
  directory: Directory,
  name: string,
  clock?: Clock,
): Promise<SnapshotReading> => {
  const body = new SnapshotBody();
  const scanned = await scanFile(directory, name, (file) => scanSnapshot(file, body, clock));
  if (!scanned.ok) return scanned;
  const { summary, collections, engine = null } = body;
  return { ...scanned, summary, collections, engine };
};

/** As readSnapshot, in constant memory: only whether it is whole, by its checksum. */
export const verifySnapshot = (
  directory: Directory,
  name: string,
  clock?: Clock,
): Promise<SnapshotVerification> =>
  scanFile(directory, name, (file) => scanSnapshot(file, undefined, clock));

/** Looks at the first line only; says nothing of the rest. `other` also if there is no such file. Throws errors of the disk. */
export const readSnapshotHead = async (
  directory: Directory,
  name: string,
): Promise<HeadReading> => {
  const file = await openIfThere(directory, name);
  if (file === undefined || file === "folder") return { kind: "other" };
  try {
    if ((await file.stat()).kind !== "file") return { kind: "other" };
    const buffer = new Uint8Array(headBytesMax);
    return decodeHead(buffer.subarray(0, await file.read(buffer, 0)));
  } finally {
    await file.close();
  }
};

const scanFile = async <T>(
  directory: Directory,
  name: string,
  scan: (file: File) => Promise<T>,
): Promise<T | UnusableSnapshot> => {
  const file = await openIfThere(directory, name);
  if (file === undefined) return unusable("missing", "it does not exist");
  if (file === "folder") return unusable("foreign", "it is not a file");
  try {
    return await scan(file);
  } finally {
    await file.close();
  }
};

const openIfThere = async (
  directory: Directory,
  name: string,
): Promise<File | "folder" | undefined> => {
  try {
    return await directory.open(name, "read");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "EISDIR") return "folder";
    throw error;
  }
};
