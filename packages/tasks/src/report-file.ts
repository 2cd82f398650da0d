/**
 * A report as a file of its own: `reports/report_<id>.json`, for people and other programs.
 *
 * The rule: the file is whole at every instant: the report before, or this one.
 */
import { redacted, type Redact } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";
import { folderOf, replaceFile, type Directory } from "@taskwal/disk";
import { copyJson, fileStem, limits } from "@taskwal/format";

export const reportName = (reportId: string): string => `reports/report_${fileStem(reportId)}.json`;

/** What a redaction hook is asked with. */
const reportType = "report.written";

/**
 * A report as it is kept: what the caller does to `data` later is of no account. Throws InvalidMutationError for what
 * JSON would change, for over 16 MiB, and for what a hook refuses.
 */
export const reportBytes = (
  reportId: string,
  data: unknown,
  redact: Redact | undefined,
): Uint8Array => {
  const about = { type: reportType, id: reportId };
  const copy = copyJson(data);
  if (!copy.ok) throw new InvalidMutationError({ ...about, path: copy.path, reason: copy.reason });
  const kept = redact
    ? redacted(redact, copy.value, { ...about, collection: "reports" })
    : copy.value;
  const bytes = Buffer.from(`${JSON.stringify(kept, null, 2)}\n`, "utf8");
  if (bytes.length > limits.recordBytesMax) {
    const reason = `has ${bytes.length} bytes, over ${limits.recordBytesMax}`;
    throw new InvalidMutationError({ ...about, reason });
  }
  return bytes;
};

/** Durable on return. Errors of the disk pass through, and the report before stands. */
export const writeReport = async (
  directory: Directory,
  reportId: string,
  bytes: Uint8Array,
): Promise<void> => {
  const name = reportName(reportId);
  await directory.createFolder(folderOf(name));
  await directory.syncFolder(".");
  await replaceFile(directory, name, bytes);
};
