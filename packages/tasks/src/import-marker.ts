/**
 * How far an import is, as the disk tells.
 *
 *     nothing                    not begun
 *     legacy/source.json         begun: from where, or in place
 *     legacy/import.json         whole: the report
 *
 * The rule: source.json is durable before there is a log, and import.json is written last; so no crash
 * leaves a log that looks like all there is.
 */
import { errnoOf } from "@taskwal/errors";
import { readWhole, replaceFile, type Directory, type File } from "@taskwal/disk";
import { legacyFolder, limits } from "@taskwal/format";
import type { ImportReport } from "./import-report.ts";

const sourceName = `${legacyFolder}/source.json`;
const reportName = `${legacyFolder}/import.json`;

/** Where the legacy files are: an absolute path, or undefined for the store's own directory. */
export interface ImportSource {
  readonly from: string | undefined;
}

/** What was begun, whole or not; undefined if nothing was. */
export const importBegun = async (directory: Directory): Promise<ImportSource | undefined> => {
  if ((await directory.stat(legacyFolder))?.kind !== "folder") return undefined;
  if (!(await directory.stat(sourceName))) return undefined;
  const bytes = await readWhole(directory, sourceName, limits.smallFileBytesMax);
  try {
    const { from } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { from: string | null };
    return { from: from ?? undefined };
  } catch {
    // A crash cut it short, so there was no log yet either.
    return undefined;
  }
};

/** Whether there is nothing but the very beginning of an import in it. */
export const isUnused = async (directory: Directory): Promise<boolean> => {
  const names = await directory.list(".");
  if (names.some((name) => name !== legacyFolder && name !== "LOCK")) return false;
  return (await directory.list(legacyFolder)).every(
    (name) => `${legacyFolder}/${name}` === sourceName,
  );
};

export const isImportWhole = async (directory: Directory): Promise<boolean> =>
  (await directory.stat(legacyFolder))?.kind === "folder" &&
  (await directory.stat(reportName)) !== undefined;

/** Durable on return. Several processes may do so at a time: they write the same. */
export const markBegun = async (directory: Directory, { from }: ImportSource): Promise<void> => {
  await directory.createFolder(legacyFolder);
  await directory.syncFolder(".");
  const file = await createOrOpen(directory, sourceName);
  try {
    await file.write(Buffer.from(`${JSON.stringify({ from: from ?? null })}\n`, "utf8"), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await directory.syncFolder(legacyFolder);
};

const createOrOpen = async (directory: Directory, name: string): Promise<File> => {
  try {
    return await directory.create(name);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    return directory.open(name, "write");
  }
};

/** Durable on return. */
export const markWhole = (directory: Directory, report: ImportReport): Promise<void> =>
  replaceFile(directory, reportName, Buffer.from(`${JSON.stringify(report, null, 2)}\n`, "utf8"));
