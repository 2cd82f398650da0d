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

type Row = readonly (string | number | undefined)[];

const headings: Row =
  "kind,sequence,through,time,boot,type,version,entity,id,n,tx,actor,cause,key,trace,data,file,reason".split(
    ",",
  );

export async function* csv(source: ExportSource): AsyncGenerator<string> {
  let rows = [headings];
  for await (const step of wantedRecords(source)) {
    rows.push(step.kind === "gap" ? gapRow(step) : recordRow(step, source.redaction));
    if (rows.length < rowsAtOnce) continue;
    yield textOf(rows);
    rows = [];
  }
  yield textOf(rows);
}

/** Each call reads its options anew. */
const rowsAtOnce = 64;

const textOf = (rows: Row[]): string =>
  stringify(rows, { record_delimiter: "windows", escape_formulas: true });

/** What a gap does not have, between its sequences and its file. */
const nothing: Row = Array.from({ length: headings.length - 5 }, () => undefined);

const gapRow = ({ from, to, file, reason }: Gap): Row => [
  "gap",
  from,
  to,
  ...nothing,
  textCell(file),
  plain(reason),
];

const recordRow = (record: OfflineRecord, redaction: Redaction): Row => {
  const { sequence, at, type, version, entity, id, n, tx, actor, cause, key, trace } = record;
  return [
    "record",
    sequence,
    sequence,
    timeWords(at),
    record.boot,
    plain(type),
    version,
    textCell(entity),
    textCell(id),
    n,
    tx?.join("/"),
    textCell(actor),
    cause,
    textCell(key),
    textCell(trace),
    plainJson(redaction.payload(record)),
    plain(record.file),
    undefined,
  ];
};

const textCell = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : plain(text);
