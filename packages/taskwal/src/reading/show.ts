/** `taskwal show POINT`: one record, everything: what was asked, what it changed, why, and where it lies. */
import { exitCodes } from "../exit-codes.ts";
import { changeLine, hidden } from "./change-lines.ts";
import type { OfflineRecord } from "@taskwal/replay";
import { recordAt, recordShape } from "./log.ts";
import { cut, plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { lineColumns } from "./table.ts";
import { provenanceWords, timeWords, valueWords } from "./words.ts";

const causesMax = 3;

export const runShow = async (question: Question, point: string): Promise<number> => {
  const { offline, sink, redaction } = question;
  const sequence = await offline.point(point);
  const record = await recordAt(offline, sequence);
  const difference = sequence > 0 ? await offline.diff(sequence - 1, sequence) : undefined;
  const provenance = difference?.b ?? (await offline.stateAt(0)).provenance;
  if (!record) {
    await sink.json("nothing", { sequence, provenance });
    await sink.text(`no record can be read at @${sequence}`);
    await sink.prose(provenanceWords(provenance));
    return exitCodes.difference;
  }
  const causes = await causesOf(question, record);
  const changes = (difference?.entities ?? []).flatMap(({ ref, changes }) =>
    changes.map((change) => ({ ref, change })),
  );
  await sink.json("show", {
    provenance,
    record: recordShape(record, redaction),
    causes: causes.map((cause) => recordShape(cause, redaction)),
    changes: changes.map(({ ref, change }) => ({ ...ref, ...hidden(ref, change, redaction) })),
  });
  for (const [name, value] of facts(record, causes)) await sink.text(fact(name, value));
  await sink.text(fact("data", valueWords(redaction.payload(record))));
  for (const { ref, change } of changes) {
    await sink.text(changeLine(ref, change, redaction, { indent: "changed   " }));
  }
  await sink.prose(provenanceWords(provenance));
  return exitCodes.fine;
};

const fact = (name: string, value: string): string =>
  `${name.padEnd(10)}${cut(value, lineColumns - 10)}`;

const facts = (
  record: OfflineRecord,
  causes: readonly OfflineRecord[],
): (readonly [string, string])[] => {
  const { sequence, type, version, at, boot, entity, id, n, tx, actor, key, trace } = record;
  const optional = (name: string, value: string | undefined): (readonly [string, string])[] =>
    value === undefined ? [] : [[name, plain(value)]];
  return [
    ["record", `@${sequence} ${plain(type)}${version > 1 ? ` version ${version}` : ""}`],
    ["time", `${timeWords(at)}  boot ${boot}`],
    ...optional(
      "entity",
      id === undefined ? undefined : `${entity ?? ""} ${id}, version ${n ?? "?"}`,
    ),
    ...optional("by", actor),
    ...optional("tx", tx && `${tx[0]} of ${tx[1]}`),
    ...optional("key", key),
    ...optional("trace", trace),
    ...causes.map(
      (cause) =>
        ["because", `@${cause.sequence} ${plain(cause.type)} ${plain(cause.id ?? "")}`] as const,
    ),
    ["stored", plain(record.file)],
  ];
};

const causesOf = async ({ offline }: Question, record: OfflineRecord): Promise<OfflineRecord[]> => {
  const causes: OfflineRecord[] = [];
  let cause = record.cause;
  while (cause !== undefined && causes.length < causesMax) {
    const found = await recordAt(offline, cause);
    if (!found) break;
    causes.push(found);
    cause = found.cause;
  }
  return causes;
};
