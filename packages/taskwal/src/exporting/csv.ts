/**
 * A row a record, for spreadsheets and data frames: RFC 4180, CRLF, the payload as JSON in one cell.
 *
 *     kind,sequence,through,time,…        a gap is a row too: `sequence` to `through` are missing, `reason` says why
 *
 * The rule: a cell that a spreadsheet would run as a formula begins with ', so that it is text; a row is one line, with
 * nothing in it that a terminal acts on.
 */
import type { Gap, OfflineRecord } from "@taskwal/replay";
import { stringify } from "csv-stringify/sync";
import { plain, plainJson } from "../reading/plain-text.ts";
import type { Redaction } from "../reading/redaction.ts";
import { timeWords } from "../reading/words.ts";
import { wantedRecords, type ExportSource } from "./export-source.ts";

const columns = [
  "kind",
  "sequence",
  "through",
  "time",
  "boot",
  "type",
  "version",
  "entity",
  "id",
  "n",
  "tx",
  "actor",
  "cause",
  "key",
  "trace",
  "data",
  "file",
  "reason",
] as const;

type Row = Partial<Record<(typeof columns)[number], string | number>>;

export async function* csv(source: ExportSource): AsyncGenerator<string> {
  yield row(Object.fromEntries(columns.map((name) => [name, name])));
  for await (const step of wantedRecords(source))
    yield row(step.kind === "gap" ? gapRow(step) : recordRow(step, source.redaction));
}

const row = (cells: Row): string =>
  stringify([cells], {
    columns: [...columns],
    record_delimiter: "windows",
    escape_formulas: true,
  });

const gapRow = ({ from, to, file, reason }: Gap): Row => ({
  kind: "gap",
  sequence: from,
  through: to,
  ...(file !== undefined && { file: plain(file) }),
  reason: plain(reason),
});

const recordRow = (record: OfflineRecord, redaction: Redaction): Row => {
  const { tx, at, data, ...rest } = record;
  const cells = columns.flatMap((name) => {
    const cell = (rest as Readonly<Partial<Record<string, string | number>>>)[name];
    return cell === undefined
      ? []
      : [[name, typeof cell === "string" ? plain(cell) : cell] as const];
  });
  return {
    ...Object.fromEntries(cells),
    through: record.sequence,
    time: timeWords(at),
    ...(tx && { tx: tx.join("/") }),
    data: plainJson(redaction.payload(record.entity, data)),
  };
};
