/**
 * A durable copy, streamed, put in place atomically: for where hard links do not exist or must not be.
 */
import { folderOf, type Directory } from "@taskwal/disk";
import { stateName } from "@taskwal/format";

const chunkBytes = 1024 * 1024;

/** Durable on return: tmp, written, synced, renamed, folder synced. */
export const copyFile = async (directory: Directory, from: string, to: string): Promise<void> => {
  const temporary = `${to}.tmp`;
  if (await directory.stat(temporary)) await directory.remove(temporary);
  const source = await directory.open(from, "read");
  try {
    const target = await directory.create(temporary);
    try {
      const buffer = new Uint8Array(chunkBytes);
      for (let at = 0; ; ) {
        const count = await source.read(buffer, at);
        if (count === 0) break;
        await target.write(buffer.subarray(0, count), at);
        at += count;
      }
      // Before the rename: the copy must have its bytes when it has its name.
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  await directory.rename(temporary, to);
  await directory.syncFolder(folderOf(to));
};

/**
 * Gives state.json bytes of its own. A crash between the link and the rename of a save leaves it and a
 * backup as one file, and an edit in place would reach both.
 */
export const unshareState = async (directory: Directory): Promise<void> => {
  const stat = await directory.stat(stateName);
  if (stat && stat.kind === "file" && stat.links > 1) await copyFile(directory, stateName, stateName);
};
