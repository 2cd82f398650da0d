/**
 * Where the pieces of an export go: to stdout as fast as they are taken, or into a new file.
 *
 *     piece piece piece ─ joined up to 64 KiB ─> written ─> end: synced ─ abandon: the file is gone again
 *
 * The rule: no file is written over and none in the directory that is read; what is not whole does not stay.
 */
import { once } from "node:events";
import { basename, dirname } from "node:path";
import { isWithin } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { UsageError } from "../usage-error.ts";

export interface ExportFile {
  /** Resolves when more can be taken. False: nobody reads any more. */
  readonly write: (text: string) => Promise<boolean>;
  /** Resolves to the bytes that were written. */
  readonly end: () => Promise<number>;
  readonly abandon: () => Promise<void>;
}

export const standardOut = (out: NodeJS.WritableStream): ExportFile => {
  let bytes = 0;
  return {
    write: async (text) => {
      bytes += Buffer.byteLength(text);
      // The terminal ends the process when its pipe is closed.
      if (!out.write(text)) await Promise.race([once(out, "drain"), once(out, "close")]);
      return out.writable;
    },
    end: () => Promise.resolve(bytes),
    abandon: () => Promise.resolve(),
  };
};

/** Throws UsageError for a name that is taken, is in no directory, or lies in `dir`. */
export const createExportFile = async (path: string, dir: string): Promise<ExportFile> => {
  if (isWithin(dir, path))
    throw new UsageError(`${path} lies in ${dir}, in which nothing is written`);
  const directory = await refusing(path, () => openNodeDisk().openDirectory(dirname(path)));
  const name = basename(path);
  const file = await refusing(path, () => directory.create(name));
  let bytes = 0;
  const close = async (): Promise<void> => {
    await file.close();
    await directory.close();
  };
  return {
    write: async (text) => {
      const written = Buffer.from(text);
      await file.write(written, bytes);
      bytes += written.length;
      return true;
    },
    end: async () => {
      await file.sync();
      await directory.syncFolder(".");
      await close();
      return bytes;
    },
    abandon: async () => {
      await directory.remove(name);
      await close();
    },
  };
};

const refusing = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    throw new UsageError(
      code === "EEXIST"
        ? `${path} is there already: an export goes into a new file`
        : `cannot write ${path}: ${code}`,
    );
  }
};

const pieceCharsMax = 64 * 1024;

/** Fewer and longer pieces of the same text. */
export async function* joined(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let held = "";
  for await (const piece of pieces) {
    held += piece;
    if (held.length < pieceCharsMax) continue;
    yield held;
    held = "";
  }
  if (held !== "") yield held;
}
