/**
 * `taskwal log`: the records, one a line, with the gaps where they are.
 *
 *     -- 2026-01-01, boot 1 --
 *     @2  12:00:00.000Z  task.created  6f3a…  by mcp {"description":…}
 *
 * The rule: a filter hides records, never gaps; the last lines say how far was read, and over what.
 */
import { exitCodes } from "../exit-codes.ts";
import { counted } from "../words.ts";
import type { Gap, Offline, OfflineRecord } from "@taskwal/replay";
import { columnsOf, fitted, plain } from "./plain-text.ts";
import { parseCondition } from "./predicate.ts";
import type { Question } from "./question.ts";
import type { Redaction } from "./redaction.ts";
import { lineColumns } from "./table.ts";
import { gapWords, provenanceWords, recordWords, timeWords } from "./words.ts";

export interface LogFlags {
  readonly entity: string | undefined;
  readonly type: string | undefined;
  readonly actor: string | undefined;
  readonly where: string | undefined;
  readonly since: string | undefined;
  readonly count: number | undefined;
  readonly reverse: boolean;
}

/** Exit code 1 if no record is told. */
export const runLog = async (question: Question, flags: LogFlags): Promise<number> => {
  const { offline, at } = question;
  const to = await at();
  const after = flags.since === undefined ? 0 : await offline.point(flags.since);
  const { count, reverse } = flags;
  const told = await tellRecords(question, { after, to, reverse }, filterOf(flags), count);
  await tellEnd(question, told);
  return told.records > 0 ? exitCodes.fine : exitCodes.difference;
};

/** What was looked at: sequences above `after` up to `to`. */
export interface Told {
  readonly after: number;
  readonly to: number;
  readonly records: number;
  readonly lost: number;
}

/** Up to `count` of the records that are wanted, and every gap on the way; what lies behind the last one is not looked at. */
export const tellRecords = async (
  question: Question,
  {
    after,
    to,
    reverse,
  }: { readonly after: number; readonly to: number; readonly reverse: boolean },
  isWanted: (record: OfflineRecord) => boolean,
  count = Infinity,
): Promise<Told> => {
  const write = recordWriter(question);
  const upTo = (sequence: number, told: Pick<Told, "records" | "lost">): Told =>
    reverse ? { ...told, after: sequence - 1, to } : { ...told, after, to: sequence };
  let [records, lost] = [0, 0];
  if (count === 0) return upTo(reverse ? to + 1 : after, { records, lost });
  for await (const step of question.offline.records({ after, to, reverse })) {
    if (!reverse && step.kind === "record")
      question.progress.reading({ sequence: step.sequence, last: to });
    if (step.kind === "gap") lost += lostWithin(step, after, to);
    else if (isWanted(step)) records += 1;
    else continue;
    if (!(await write(step))) break;
    if (step.kind === "record" && records === count) return upTo(step.sequence, { records, lost });
  }
  return { after, to, records, lost };
};

/** A gap behind `to` is that of the log's end. */
export const lostWithin = (gap: Gap, after: number, to: number): number =>
  (gap.from > to ? gap.to : Math.min(gap.to, to)) - Math.max(gap.from, after + 1) + 1;

/** How much was told of what, and how far the state at its end is to be believed. */
export const tellEnd = async ({ offline, sink }: Question, told: Told): Promise<void> => {
  const { after, to, records, lost } = told;
  const { provenance } = await offline.stateAt(to);
  await sink.json("end", { provenance, ...told });
  const missing = lost > 0 ? `, ${counted(lost, "record")} missing` : "";
  await sink.text(`-- ${counted(records, "record")} of @${after}..@${to}${missing} --`);
  await sink.prose(provenanceWords(provenance));
};

const filterOf = ({
  entity,
  type,
  actor,
  where,
}: LogFlags): ((record: OfflineRecord) => boolean) => {
  const holds = where === undefined ? () => true : parseCondition(where);
  return (record) =>
    (entity === undefined || isOf(record, entity)) &&
    (type === undefined || record.type === type) &&
    (actor === undefined || record.actor === actor) &&
    holds(record);
};

/** "task", "task.6f3a", or an id or its beginning. */
export const isOf = (
  { entity, id }: Partial<Pick<OfflineRecord, "entity" | "id">>,
  words: string,
): boolean =>
  entity !== undefined &&
  id !== undefined &&
  (entity === words || `${entity}.${id}` === words || id.startsWith(words));

/** Writes records and gaps of a stream, with a line between days and boots. */
export const recordWriter = ({
  sink,
  redaction,
}: Pick<Question, "sink" | "redaction">): ((step: OfflineRecord | Gap) => Promise<boolean>) => {
  let heading = "";
  return async (step) => {
    if (step.kind === "gap") {
      return (await sink.json("gap", step)) && sink.text(sink.terminal.bad(gapWords(step)));
    }
    const [day = "", time = ""] = timeWords(step.at).split("T");
    const title = `-- ${day}, boot ${step.boot} --`;
    if (title !== heading) await sink.text(sink.terminal.dim(title));
    heading = title;
    return (
      (await sink.json("record", recordShape(step, redaction))) &&
      sink.text(line(step, time, redaction))
    );
  };
};

export const recordShape = (record: OfflineRecord, redaction: Redaction): object => ({
  ...record,
  data: redaction.payload(record),
});

const line = (record: OfflineRecord, time: string, redaction: Redaction): string => {
  const start = [
    `@${record.sequence}`.padStart(4),
    time,
    fitted(plain(record.type), 15),
    fitted(plain(record.id ?? ""), 10),
  ].join("  ");
  const data = redaction.payload(record);
  return `${start}  ${recordWords(record, data, lineColumns - columnsOf(start) - 2)}`.trimEnd();
};

/** The record with that sequence; undefined if it is lost or is none. */
export const recordAt = async (
  offline: Offline,
  sequence: number,
): Promise<OfflineRecord | undefined> => {
  for await (const step of offline.records({ after: sequence - 1, to: sequence })) {
    if (step.kind === "record" && step.sequence === sequence) return step;
  }
  return undefined;
};
