/**
 * What lies beside the log and the snapshots and can be checked by itself: HEAD, mirrors, archived entities.
 *
 *     wal/HEAD             no slot verifies          how far the log was promised is told by the log alone
 *     tasks/<id>.json      not as it was written     edited by hand, or damaged: the log has what it said
 *     archive/<id>.json    not as it was written     what it held may be nowhere else
 *
 * The rule: reads only; of a file that carries no check nothing is said.
 */
import { mirrorBytesMax, readMirror, type Model } from "@taskwal/core";
import { readWhole, type Directory } from "@taskwal/disk";
import { archiveFolder, decodeHead, headName } from "@taskwal/format";
import type { Finding } from "./offline.ts";

export interface BesideReport {
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
}

/** Throws what the disk throws. */
export const checkBeside = async (directory: Directory, model: Model): Promise<BesideReport> => {
  const mirrors = [...model.entities.values()].map(({ collection }) => collection);
  const findings: Finding[] = [];
  let [files, bytes] = [0, 0];
  /** False for what is no file, or one that is too large to be looked into. */
  const count = async (name: string): Promise<boolean> => {
    const { kind, sizeBytes = 0 } = (await directory.stat(name)) ?? {};
    if (kind !== "file") return false;
    files += 1;
    bytes += sizeBytes;
    return sizeBytes <= mirrorBytesMax;
  };
  if (await count(headName)) findings.push(...(await headFindings(directory)));
  for (const folder of [...mirrors, archiveFolder]) {
    for (const file of (await directory.list(folder)).toSorted()) {
      const name = `${folder}/${file}`;
      if (!file.endsWith(".json") || !(await count(name))) continue;
      if (!(await readMirror(directory, name))) findings.push(fileFinding(folder, name));
    }
  }
  return { files, bytes, findings };
};

const headFindings = async (directory: Directory): Promise<Finding[]> => {
  if (decodeHead(await readWhole(directory, headName, mirrorBytesMax))) return [];
  const message = "no slot of it verifies: how far the log was promised is told by the log alone";
  return [{ level: "warning", check: "head", file: headName, message }];
};

const fileFinding = (folder: string, file: string): Finding =>
  folder === archiveFolder
    ? {
        level: "error",
        check: "archive",
        file,
        message: "it is not as it was written; what it held may be nowhere else",
      }
    : {
        level: "warning",
        check: "mirror",
        file,
        message:
          "it is not as it was written: edited by hand, or damaged; the log has what it said",
      };
