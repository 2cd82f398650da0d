/**
 * Whether there is anything to import into a directory, and what. Reads only.
 *
 *     dir                                             plan
 *     a legacy state                                  that, in place
 *     an import that was begun and is not whole       the same again
 *     nothing, and a legacy directory is named        that one, from there
 *     a store                                         none
 *
 * The rule: whatever is refused is refused here, before anything is written.
 */
import { errnoOf, UnsupportedFormatError } from "@taskwal/errors";
import type { Directory, Disk } from "@taskwal/disk";
import { classifyDirectory, type DirectoryKind } from "./directory-kind.ts";
import { fitReading } from "./import-fit.ts";
import { importBegun, isImportWhole, isUnused, type ImportSource } from "./import-marker.ts";
import { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";

export interface ImportPlan extends ImportSource {
  readonly reading: LegacyReading;
}

/**
 * Undefined if there is nothing to do. `from` names a legacy directory, as an absolute path, that is to
 * be brought into a new store at `dir`. Throws UnsupportedFormatError for a newer layout, if `from`
 * holds no legacy state, or if `dir` holds something else; errors of the disk pass through.
 */
export const planImport = async (
  disk: Disk,
  dir: string,
  from?: string,
): Promise<ImportPlan | undefined> => {
  const target = await openIfThere(disk, dir);
  try {
    const begun = target && (await importBegun(target));
    if (target && begun) {
      if (from !== undefined && begun.from !== from)
        throw taken(dir, "the import of another directory");
      if (await isImportWhole(target)) return undefined;
      return await planFrom(disk, target, begun, "legacy");
    }
    const unused = !target || (await isUnused(target));
    const kind = unused ? "empty" : await classifyDirectory(target);
    if (from !== undefined) {
      if (kind !== "empty") throw taken(dir, foundWords[kind]);
      return await planFrom(disk, target, { from }, undefined);
    }
    if (!target || kind !== "legacy") return undefined;
    return await planFrom(disk, target, { from }, kind);
  } finally {
    await target?.close();
  }
};

/** In words, for a refusal. */
export const foundWords: Readonly<Record<DirectoryKind, string>> = {
  taskwal: "a store",
  legacy: "a legacy state",
  agentapi: "the state of coder/agentapi",
  empty: "nothing",
  foreign: "files of another program",
};

export const legacyLayout = "state.json, state.backup.*.json and tasks/*.json of an orchestrator";

const openIfThere = async (disk: Disk, dir: string): Promise<Directory | undefined> => {
  try {
    return await disk.openDirectory(dir);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

const planFrom = async (
  disk: Disk,
  target: Directory | undefined,
  source: ImportSource,
  knownKind: DirectoryKind | undefined,
): Promise<ImportPlan> => {
  const elsewhere = source.from === undefined ? undefined : await disk.openDirectory(source.from);
  const directory = elsewhere ?? target;
  try {
    if (!directory) return { ...source, reading: nothing };
    const reading = await readLegacyDirectory(directory, elsewhere ? undefined : knownKind);
    if (reading.kind !== "legacy") {
      const found = foundWords[reading.kind];
      throw new UnsupportedFormatError({ file: directory.path, found, supported: legacyLayout });
    }
    assertKnownVersion(directory.path, reading);
    return { ...source, reading: fitReading(reading) };
  } finally {
    await elsewhere?.close();
  }
};

const nothing: LegacyReading = {
  kind: "empty",
  tasks: [],
  deleted: [],
  sessions: [],
  problems: [],
};

const taken = (file: string, found: string): UnsupportedFormatError =>
  new UnsupportedFormatError({ file, found, supported: "an empty or missing directory there" });

/** A newer layout is refused if nothing of it reads as tasks; fields that are not known are kept. */
const assertKnownVersion = (dir: string, { problems, tasks }: LegacyReading): void => {
  const newer = problems.find(({ kind }) => kind === "newer-version");
  if (!newer || tasks.length > 0) return;
  throw new UnsupportedFormatError({
    file: `${dir}/${newer.file}`,
    found: `a state of a newer layout (${newer.reason})`,
    supported: legacyLayout,
  });
};
