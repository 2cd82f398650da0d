/**
 * A report as a file of its own: `reports/report_<id>.json`, for people and other programs.
 *
 * The rule: the file is whole at every instant: the report before, or this one.
 */
import { InvalidMutationError } from "@taskwal/errors";
import { folderOf, replaceFile, type Directory } from "@taskwal/disk";
import { copyJson, fileStem, limits } from "@taskwal/format";

export const reportName = (reportId: string): string => `reports/report_${fileStem(reportId)}.json`;

/**
 * Durable on return. Throws InvalidMutationError for what JSON would change and for over 16 MiB, nothing written; errors
 * of the disk pass through, and the report before stands.
 */
export const writeReport = async (
  directory: Directory,
  reportId: string,
  data: unknown,
): Promise<void> => {
  const copy = copyJson(data);
  if (!copy.ok) {
    const { path, reason } = copy;
    throw new InvalidMutationError({ type: "report", id: reportId, path, reason });
  }
  const bytes = Buffer.from(`${JSON.stringify(copy.value, null, 2)}\n`, "utf8");
  if (bytes.length > limits.recordBytesMax) {
    const reason = `has ${bytes.length} bytes, over ${limits.recordBytesMax}`;
    throw new InvalidMutationError({ type: "report", id: reportId, reason });
  }
  const name = reportName(reportId);
  await directory.createFolder(folderOf(name));
  await directory.syncFolder(".");
  await replaceFile(directory, name, bytes);
};
