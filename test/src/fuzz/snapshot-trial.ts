/**
 * Bytes that were a snapshot, through everything that reads one.
 *
 * The rule: bad bytes are a value with a reason; whole is only what ends with its checksum, and then the
 * collections are those that JSON.parse finds in the file.
 */
import type { Directory } from "@taskwal/disk";
import { listSnapshots, readSnapshot, readSnapshotHead, verifySnapshot } from "@taskwal/snapshot";
import { isDeepStrictEqual } from "node:util";
import { holds, parsed } from "./line-trial.ts";
import { isSealedSnapshot } from "./reseal.ts";

export type SnapshotVerdict = `snapshot: ${string}`;

/** Reads `state.json` of the directory, which holds `bytes`. Throws a Finding, or what the readers throw. */
export const trySnapshot = async (
  directory: Directory,
  bytes: Buffer,
): Promise<SnapshotVerdict> => {
  const reading = await readSnapshot(directory, "state.json");
  const verified = await verifySnapshot(directory, "state.json");
  const head = await readSnapshotHead(directory, "state.json");
  const listed = (await listSnapshots(directory)).find(({ name }) => name === "state.json");
  holds(listed !== undefined, "state.json is not listed");
  if (!reading.ok) {
    holds(reading.reason !== "", "a snapshot is refused without a reason");
    return `snapshot: ${reading.kind}`;
  }
  holds(isSealedSnapshot(bytes), "a snapshot is whole whose checksum is wrong");
  holds(verified.ok && verified.sha256 === reading.sha256, "verifying is not reading");
  holds(
    head.kind === "ours" && isDeepStrictEqual(head.head, reading.head),
    "two heads in one file",
  );
  holds(Number.isSafeInteger(reading.head.sequence), "a sequence is no sequence");
  const value = parsed(bytes.toString("utf8")) as Readonly<Record<string, unknown>> | undefined;
  // A comma too many before a bracket is read over; the checksum says that nobody but a writer put it there.
  if (value === undefined) return "snapshot: ok, not JSON";
  for (const [name, entities] of reading.collections)
    holds(isDeepStrictEqual(value[name], entities), "a collection holds what the file does not");
  holds(isDeepStrictEqual(value["engine"], reading.engine), "the engine's part is not the file's");
  return "snapshot: ok";
};
