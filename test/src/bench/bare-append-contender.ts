/**
 * The limits: nothing but node:fs, asynchronous, without format, checksum, order or meaning.
 *
 *     what waits ─ one write ─ one fdatasync ─ all who waited are told      meanwhile the next gather
 *
 *     append + fdatasync     as anybody would write it: two calls, each on a thread and back
 *     written through        one call (O_DSYNC): what ours does
 *     written through over bytes that are there      what a log that is laid out beforehand could do, and ours does not
 *
 * The rule: the payload's own bytes and a newline, and not one byte more.
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Contender } from "./contender.ts";

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const weaker = "not a store: no record can be told from garbage, and nothing is checked or folded";

/** Appends what waits, as one batch after the other; `keep` makes bytes durable at a place in the file. */
const gathering = (
  file: FileHandle,
  keep: (bytes: Buffer, startBytes: number) => Promise<void>,
): ReturnType<Contender["open"]> => {
  let waiting: Waiting[] = [];
  let writing = false;
  let sizeBytes = 0;
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
      try {
        await keep(bytes, sizeBytes);
        sizeBytes += bytes.byteLength;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    writing = false;
  };
  return Promise.resolve({
    append: (_caller, { json }) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ line: `${json}\n`, resolve, reject });
        if (writing) return;
        writing = true;
        // Not at once: callers who were told in one turn share the next batch.
        queueMicrotask(() => void drain());
      }),
    close: () => file.close(),
  });
};

const write = async (file: FileHandle, bytes: Buffer, startBytes: number): Promise<void> => {
  const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, startBytes);
  if (bytesWritten < bytes.byteLength) throw new Error("the disk took only a part");
};

export const bareAppendContender: Contender = {
  name: "bare append + fdatasync",
  weaker,
  async open(dir) {
    const file = await open(join(dir, "bare.jsonl"), "wx");
    return gathering(file, async (bytes, startBytes) => {
      await write(file, bytes, startBytes);
      await file.datasync();
    });
  },
};

const throughFlags = constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC;
const laidOutBytes = 32 * 1024 * 1024;

/** Linux alone: elsewhere O_DSYNC is not there, or asks less of the disk. */
export const bareThroughContenders: readonly Contender[] =
  process.platform === "linux"
    ? [
        {
          name: "bare write-through, one call",
          weaker,
          async open(dir) {
            const file = await open(join(dir, "through.jsonl"), throughFlags);
            return gathering(file, (bytes, startBytes) => write(file, bytes, startBytes));
          },
        },
        {
          name: "bare write-through over bytes that are there",
          weaker: `${weaker}; the file was laid out before, outside the measured time`,
          async open(dir) {
            const file = await open(join(dir, "laid-out.jsonl"), throughFlags);
            await file.writeFile(Buffer.alloc(laidOutBytes));
            // Round and round: the bytes are there wherever it goes on.
            return gathering(file, (bytes, startBytes) =>
              write(file, bytes, startBytes % (laidOutBytes - bytes.byteLength)),
            );
          },
        },
      ]
    : [];
