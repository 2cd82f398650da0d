/**
 * `taskwal export`: a range of the log in a format that other tools read.
 *
 *     records ─> a format (exporting/) ─> stdout, or a new file and a line about it
 *
 * The rule: what is written is written as it is read; the same range gives the same bytes.
 */
import { exitCodes } from "../exit-codes.ts";
import { csv } from "../exporting/csv.ts";
import { createExportFile, joined, standardOut } from "../exporting/export-file.ts";
import type { ExportFormat, ExportSource } from "../exporting/export-source.ts";
import { mermaid } from "../exporting/mermaid.ts";
import { ndjson } from "../exporting/ndjson.ts";
import { otlp } from "../exporting/otlp.ts";
import { perfetto } from "../exporting/perfetto.ts";
import { UsageError } from "../usage-error.ts";
import { counted, sizeWords } from "../words.ts";
import { isOf } from "./log.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";

export interface ExportFlags {
  readonly format: string;
  readonly entity: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly out: string | undefined;
}

const formats: Readonly<Record<string, ExportFormat>> = { ndjson, csv, perfetto, otlp, mermaid };

/** Exit code 1 if there is no record in the range. Throws UsageError and PointError. */
export const runExport = async (question: Question, flags: ExportFlags): Promise<number> => {
  const format = Object.hasOwn(formats, flags.format) ? formats[flags.format] : undefined;
  if (!format)
    throw new UsageError(
      `--format is one of ${Object.keys(formats).join(", ")}, not "${flags.format}"`,
    );
  if (question.sink.isJson && flags.out === undefined && format !== ndjson)
    throw new UsageError("--json tells of the file that was written: it needs --out");
  const source = await sourceOf(question, flags);
  const file =
    flags.out === undefined
      ? standardOut(process.stdout)
      : await createExportFile(flags.out, question.dir);
  // Beside stdout it would stand in the middle of what somebody reads.
  const progress = flags.out === undefined ? undefined : question.progress;
  let written = 0;
  try {
    for await (const piece of joined(format(source))) {
      question.signal.throwIfAborted();
      if (!(await file.write(piece))) break;
      written += piece.length;
      progress?.show(() => `writing ${flags.format}: ${sizeWords(written)}`);
    }
  } catch (error) {
    await file.abandon();
    throw error;
  }
  const bytes = await file.end();
  if (flags.out !== undefined) await tell(question, flags, source, bytes);
  return source.told.records > 0 ? exitCodes.fine : exitCodes.difference;
};

const sourceOf = async (
  { offline, at, redaction }: Question,
  { from, to, entity }: ExportFlags,
): Promise<ExportSource> => {
  const first = from === undefined ? 0 : await offline.point(from);
  const last = to === undefined ? await at() : await offline.point(to);
  if (first > last) throw new UsageError(`--from is @${first}, behind @${last}`);
  const { provenance } = await offline.stateAt(last);
  return {
    offline,
    info: await offline.info(),
    after: first,
    to: last,
    provenance,
    redaction,
    isWhole: entity === undefined,
    isWanted: (ref) => entity === undefined || isOf(ref, entity),
    told: { records: 0, lost: 0 },
  };
};

const tell = async (
  { sink, redaction: { paths } }: Question,
  { out = "", format }: ExportFlags,
  { after, to, told, provenance }: ExportSource,
  bytes: number,
): Promise<void> => {
  const { trust } = provenance;
  await sink.json("export", {
    file: out,
    format,
    bytes,
    after,
    to,
    ...told,
    trust,
    redacted: paths,
  });
  const missing = told.lost > 0 ? `, ${counted(told.lost, "record")} missing` : "";
  await sink.prose(
    `${plain(out)}  ${format}  ${sizeWords(bytes)}  ${counted(told.records, "record")} of @${after}..@${to}${missing} · ${trust}`,
  );
  if (paths.length > 0) await sink.prose(`without ${plain(paths.join(", "))}`);
};
