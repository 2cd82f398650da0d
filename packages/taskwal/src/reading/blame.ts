/** `taskwal blame ENTITY`: for each field, which record set it to what it is, by whom, and how often it changed. */
import { exitCodes } from "../exit-codes.ts";
import { tellAbsent } from "./absent.ts";
import { findPath } from "./entity-path.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { tableLines } from "./table.ts";
import { pathWords, provenanceWords, refWords, timeWords, valueWords } from "./words.ts";

export const runBlame = async (question: Question, words: string): Promise<number> => {
  const { offline, sink, redaction, at } = question;
  const sequence = await at();
  const state = await offline.stateAt(sequence);
  const found = findPath(state, words);
  const ref = found?.ref;
  if (!ref) return tellAbsent(question, state, words);
  const blame = await offline.blame(ref, sequence);
  const fields = blame.fields
    .filter(({ path }) => found.path.every((name, index) => String(path[index]) === name))
    .map((field) => ({ ...field, value: redaction.value(ref.entity, field.path, field.value) }));
  await sink.json("blame", { provenance: blame.provenance, ...ref, fields });
  await sink.text(refWords(ref));
  await sink.prose(provenanceWords(blame.provenance));
  await sink.lines(
    tableLines(
      [
        { title: "FIELD" },
        { title: "VALUE" },
        { title: "SET BY" },
        { title: "AT", align: "right" },
        { title: "WHEN" },
        { title: "BY" },
        { title: "CHANGES", align: "right" },
      ],
      fields.map(({ path, value, sequence: set, type, at: time, actor, changes }) => [
        pathWords(path),
        valueWords(value),
        plain(type),
        `@${set}`,
        timeWords(time).slice(0, 19),
        plain(actor ?? "-"),
        String(changes),
      ]),
    ),
  );
  return fields.length > 0 ? exitCodes.fine : exitCodes.difference;
};
