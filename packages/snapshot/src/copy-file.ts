/**
 * A copy, streamed, as a temporary file that only needs its name: for where hard links do not exist, or
 * must not be.
 *
 * The rule: a copy has all its bytes on the disk before it gets its name.
 */
import { folderOf, type Directory, type File } from "@taskwal/disk";

const chunkBytes = 1024 * 1024;

/**
 * Copies `from` to `temporary`, replacing a leftover of that name. On return the bytes are durable, the
 * name is not. Errors of the disk pass through and may leave the temporary file.
 */
export const copyToTemporary = async (
  directory: Directory,
  from: string,
  temporary: string,
): Promise<void> => {
  await removeIfThere(directory, temporary);
  const source = await directory.open(from, "read");
  try {
    const target = await directory.create(temporary);
    try {
      await assertSize(target, await copyBytes(source, target));
      // Before the rename: without it a power cut can leave the name with no bytes behind it.
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
};

/** Copies `from` to the free name `to`. Durable once the folder of `to` is synced. */
export const copyFile = async (directory: Directory, from: string, to: string): Promise<void> => {
  const folder = folderOf(to);
  // One name for all copies of a folder: what a crash leaves is replaced by the next one.
  const temporary = folder === "." ? "state.copy.tmp" : `${folder}/state.copy.tmp`;
  await copyToTemporary(directory, from, temporary);
  await directory.rename(temporary, to);
};

export const removeIfThere = async (directory: Directory, name: string): Promise<void> => {
  if (await directory.stat(name)) await directory.remove(name);
};

/** A disk may report a short write as done: libuv does. */
export const assertSize = async (file: File, writtenBytes: number): Promise<void> => {
  const { sizeBytes } = await file.stat();
  if (sizeBytes === writtenBytes) return;
  const found = `EIO: wrote ${writtenBytes} bytes, found ${sizeBytes}, write '${file.name}'`;
  throw Object.assign(new Error(found), { code: "EIO" });
};

const copyBytes = async (source: File, target: File): Promise<number> => {
  const buffer = new Uint8Array(chunkBytes);
  for (let at = 0; ;) {
    const count = await source.read(buffer, at);
    if (count === 0) return at;
    await target.write(buffer.subarray(0, count), at);
    at += count;
  }
};
