/**
 * What the parts of a state directory hold: bytes and files.
 *
 *     state.json  snapshot     wal/  log         quarantine/  quarantine
 *     state.backup.*  backups  <collection>/  mirrors         all else  other
 *
 * The rule: the work is bounded, whatever lies there: of a folder with many files some are looked at, spread over its
 * names, and the sum says that it is an estimate.
 */
import type { Directory } from "@taskwal/disk";
import { folderOf } from "@taskwal/disk";
import { parseBackupName, quarantineFolder, stateName, walFolder } from "@taskwal/format";
import type { Model } from "./define-model.ts";

export const directoryParts = [
  "snapshot",
  "backups",
  "log",
  "mirrors",
  "quarantine",
  "other",
] as const;
export type DirectoryPart = (typeof directoryParts)[number];

export interface PartUsage {
  readonly files: number;
  /** Sizes as the files say them; a file with two names counts twice. */
  readonly bytes: number;
  /** There were too many files to ask each: `bytes` is made from some of them. */
  readonly isEstimate: boolean;
}

export type DirectoryUsage = Readonly<Record<DirectoryPart, PartUsage>>;

/** The part that a name belongs to. A temporary file belongs where it is going. */
export const partOf = (model: Model, name: string): DirectoryPart => {
  const folder = folderOf(name);
  if (folder === ".") {
    if (name === stateName || name === `${stateName}.tmp`) return "snapshot";
    return parseBackupName(name.replace(/\.tmp$/, "")) ? "backups" : "other";
  }
  if (folder === walFolder) return "log";
  if (folder === quarantineFolder) return "quarantine";
  const isMirror = [...model.entities.values()].some(({ collection }) => collection === folder);
  return isMirror ? "mirrors" : "other";
};

/** So many files of a folder are asked for their size, at most. */
const askedMax = 256;

/** Errors of the disk pass through. A file that goes away meanwhile counts as none. */
export const directoryUsage = async (
  directory: Directory,
  model: Model,
): Promise<DirectoryUsage> => {
  const parts = new Map<DirectoryPart, PartUsage>();
  const add = (part: DirectoryPart, usage: PartUsage): void => {
    const { files, bytes, isEstimate } = parts.get(part) ?? empty;
    parts.set(part, {
      files: files + usage.files,
      bytes: bytes + usage.bytes,
      isEstimate: isEstimate || usage.isEstimate,
    });
  };
  // Of the root nothing is left out: it holds a handful of names, and the folders are among them.
  for (const name of await directory.list(".")) {
    const stat = await directory.stat(name);
    if (stat?.kind === "file") {
      add(partOf(model, name), { files: 1, bytes: stat.sizeBytes, isEstimate: false });
    } else if (stat?.kind === "folder") {
      add(partOf(model, `${name}/`), await folderUsage(directory, name));
    }
  }
  return Object.fromEntries(
    directoryParts.map((part) => [part, parts.get(part) ?? empty]),
  ) as unknown as DirectoryUsage;
};

const empty: PartUsage = { files: 0, bytes: 0, isEstimate: false };

const folderUsage = async (directory: Directory, folder: string): Promise<PartUsage> => {
  const names = (await directory.list(folder)).toSorted();
  const step = Math.max(1, names.length / askedMax);
  let asked = 0;
  let bytes = 0;
  for (let at = 0; at < names.length; at += step) {
    const stat = await directory.stat(`${folder}/${names[Math.floor(at)] ?? ""}`);
    asked += 1;
    if (stat?.kind === "file") bytes += stat.sizeBytes;
  }
  const isEstimate = asked < names.length;
  const files = names.length;
  return { files, bytes: isEstimate ? Math.round((bytes / asked) * files) : bytes, isEstimate };
};
