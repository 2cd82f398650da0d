/**
 * What lies beside the log and the snapshots and can be checked by itself: HEAD, mirrors, archived entities.
 *
 *     wal/HEAD             no slot verifies          how far the log was promised is told by the log alone
 *     tasks/<id>.json      not as it was written     edited by hand, or damaged: the log has what it said
 *     archive/<id>.json    not as it was written     what it held may be nowhere else
 *
 * The rule: reads only; what cannot be read is told as well, and takes nothing from the rest; of a file that carries no
 * check nothing is said.
 */
import { mirrorBytesMax, readMirror } from "@taskwal/core";
import { readWhole, type Directory } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { archiveFolder, decodeHead, headName } from "@taskwal/format";
import type { Finding } from "./offline.ts";

export interface BesideReport {
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
}

/** `collections`: the folders of the mirrors. What the disk throws is a finding. */
export const checkBeside = async (
  directory: Directory,
  collections: readonly string[],
): Promise<BesideReport> => {
  const findings: Finding[] = [];
  let [files, bytes] = [0, 0];
  const look = async (name: string): Promise<void> => {
    const stat = await directory.stat(name);
    // There is none yet, or it went since it was listed.
    if (!stat) return;
    const isFile = stat.kind === "file";
    if (isFile) [files, bytes] = [files + 1, bytes + stat.sizeBytes];
    const isRead = isFile && stat.sizeBytes <= mirrorBytesMax;
    if (!isRead || !(await isWhole(directory, name))) findings.push(findingOf(name));
  };
  const lookInto = async (folder: string): Promise<void> => {
    for (const file of (await directory.list(folder)).toSorted()) {
      const name = `${folder}/${file}`;
      if (file.endsWith(".json")) await unlessUnreadable(name, () => look(name), findings);
    }
  };
  await unlessUnreadable(headName, () => look(headName), findings);
  for (const folder of [...collections, archiveFolder])
    await unlessUnreadable(folder, () => lookInto(folder), findings);
  return { files, bytes, findings };
};

const isWhole = async (directory: Directory, name: string): Promise<boolean> =>
  name === headName
    ? decodeHead(await readWhole(directory, name, mirrorBytesMax)) !== undefined
    : (await readMirror(directory, name)) !== undefined;

const unlessUnreadable = async (
  name: string,
  work: () => Promise<void>,
  findings: Finding[],
): Promise<void> => {
  try {
    await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    findings.push(findingOf(name, `it cannot be read: ${errno}`));
  }
};

/** Of a file, or of a folder that cannot be listed. */
const findingOf = (name: string, reason?: string): Finding => {
  if (name === headName) {
    const message = `${reason ?? "no slot of it verifies"}: how far the log was promised is told by the log alone`;
    return { level: "warning", check: "head", file: name, message };
  }
  const what = reason ?? "it is not as it was written: edited by hand, or damaged";
  if (name === archiveFolder || name.startsWith(`${archiveFolder}/`)) {
    const message = `${what}; what it held may be nowhere else`;
    return { level: "error", check: "archive", file: name, message };
  }
  return {
    level: "warning",
    check: "mirror",
    file: name,
    message: `${what}; the log has what it said`,
  };
};
