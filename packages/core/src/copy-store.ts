/**
 * A copy of a state directory, made beside whoever writes in it: for a backup elsewhere.
 *
 *     mark ─ wal/HEAD ─ state.json, backups ─ wal/* ─ archive/, logs/, … ─ synced ─ mark removed
 *
 * The rule: what promises comes before what keeps the promise. HEAD says how far the log was durable, and a
 * snapshot what it holds, before the log is read; a record that took a task to archive/ is read before its file. And
 * as long as the mark is there, no opening believes the copy.
 */
import { DiskFailedError, errnoOf } from "@taskwal/errors";
import { openNodeDisk, type Directory, type Disk } from "@taskwal/disk";
import { headName, lockName, unfinishedCopyName, walFolder } from "@taskwal/format";
import { diskErrors, isWithin, openForReading } from "./state-directory.ts";

export interface CopyOptions {
  readonly from: string;
  /** A directory that is empty or missing, and not within `from`. */
  readonly to: string;
  /** Called before each file with the bytes that are copied, and all there were to copy at the beginning. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Default: the real one. */
  readonly disk?: Disk;
}

export interface CopyReport {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Copies all of a store but LOCK, temporary files and hidden ones; takes no lock and writes nothing in `from`.
 * Durable on return. Throws UnsupportedFormatError if `from` holds no store, DiskFailedError if `to` is not empty, lies
 * in `from`, or a disk fails: then `to` holds a part of it, which no store opens (CorruptError).
 */
export const copyStore = async (options: CopyOptions): Promise<CopyReport> => {
  const { from, to, disk = openNodeDisk() } = options;
  // Every later copy would take it along.
  if (isWithin(from, to)) throw notInto(to, "it is, or lies in, the directory that is copied");
  const source = await openForReading({ disk, dir: from });
  try {
    return await diskErrors("copy", to, async () => {
      const target = await disk.createDirectory(to);
      try {
        if ((await target.list(".")).length > 0) throw notInto(to, "it is not empty");
        await (await target.create(unfinishedCopyName)).close();
        // Before any file of a store: a part of one must not look whole after a power cut.
        await target.syncFolder(".");
        const report = await copyAll(source, target, options);
        await target.remove(unfinishedCopyName);
        await target.syncFolder(".");
        return report;
      } finally {
        await target.close();
      }
    });
  } finally {
    await source.close();
  }
};

const notInto = (path: string, reason: string): DiskFailedError =>
  new DiskFailedError({ operation: "copy into", path, outcome: "not-written", reason });

const copyAll = async (
  source: Directory,
  target: Directory,
  { onProgress }: CopyOptions,
): Promise<CopyReport> => {
  let totalBytes = 0;
  for (const { name } of (await Promise.all(steps.map((step) => step(source)))).flat())
    totalBytes += (await source.stat(name))?.sizeBytes ?? 0;
  const report = { files: 0, bytes: 0 };
  const folders = new Set(["."]);
  // Each step lists anew: what the log speaks of may have come while the log was copied.
  for (const step of steps) {
    for (const { name, folder } of await step(source)) {
      onProgress?.(report.bytes, Math.max(totalBytes, report.bytes));
      if (!folders.has(folder)) await target.createFolder(folder);
      folders.add(folder);
      const bytes = await copyInto(source, target, name);
      if (bytes === undefined) continue;
      report.files += 1;
      report.bytes += bytes;
    }
  }
  // Before the mark goes: the names of all files, and those of their folders.
  for (const folder of folders) await target.syncFolder(folder);
  return report;
};

interface Named {
  readonly name: string;
  readonly folder: string;
}

/** Promises first: HEAD, what stands in the root, the log, and then what the log speaks of. */
const steps: readonly ((source: Directory) => Promise<readonly Named[]>)[] = [
  async (source) => (await filesIn(source, walFolder)).filter(({ name }) => name === headName),
  async (source) => (await filesIn(source, ".")).filter(({ name }) => name !== lockName),
  async (source) => (await filesIn(source, walFolder)).filter(({ name }) => name !== headName),
  async (source) => {
    const names = (await source.list(".")).filter((name) => name !== walFolder).toSorted();
    const found = await Promise.all(names.map((name) => folderFiles(source, name)));
    return found.flat();
  },
];

const folderFiles = async (source: Directory, name: string): Promise<readonly Named[]> =>
  isPassing(name) || (await source.stat(name))?.kind !== "folder" ? [] : filesIn(source, name);

const filesIn = async (source: Directory, folder: string): Promise<readonly Named[]> => {
  const found: Named[] = [];
  for (const leaf of (await source.list(folder)).toSorted()) {
    const name = folder === "." ? leaf : `${folder}/${leaf}`;
    if (!isPassing(leaf) && (await source.stat(name))?.kind === "file")
      found.push({ name, folder });
  }
  return found;
};

const isPassing = (leaf: string): boolean => leaf.startsWith(".") || leaf.endsWith(".tmp");

const chunkBytes = 1024 * 1024;

/** How many bytes were copied, and synced; undefined if the file is gone, as what its owner prunes is. */
export const copyInto = async (
  source: Directory,
  target: Directory,
  name: string,
): Promise<number | undefined> => {
  const from = await source.open(name, "read").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!from) return undefined;
  try {
    const to = await target.create(name);
    try {
      const buffer = new Uint8Array(chunkBytes);
      let at = 0;
      for (;;) {
        const count = await from.read(buffer, at);
        if (count === 0) break;
        await to.write(buffer.subarray(0, count), at);
        at += count;
      }
      await to.sync();
      return at;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
};
