/** `taskwal trace ID`: everything that ever touched an entity, record by record, and what each changed. */
import { exitCodes } from "../exit-codes.ts";
import { counted } from "../words.ts";
import { changeLine, hidden } from "./change-lines.ts";
import { findPath } from "./entity-path.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { byWords, gapWords, provenanceWords, timeWords } from "./words.ts";

export const runTrace = async (
  { offline, sink, redaction, at }: Question,
  words: string,
): Promise<number> => {
  const to = await at();
  const state = await offline.stateAt(to);
  const id = findPath(state, words)?.ref?.id ?? words;
  let touched = 0;
  for await (const step of offline.trace(id)) {
    if (!("changes" in step)) {
      if (step.from > to) break;
      await sink.json("gap", { ...step });
      await sink.text(sink.terminal.bad(gapWords(step)));
      continue;
    }
    if (step.sequence > to) break;
    touched += 1;
    const changes = step.changes.map((change) => hidden(step, change, redaction));
    await sink.json("change", { ...step, changes });
    const by = byWords(step.actor);
    await sink.text(
      `@${step.sequence}  ${timeWords(step.at)}  ${plain(step.type)}${by && `  ${by}`}`,
    );
    for (const change of step.changes) {
      if (!(await sink.text(changeLine(step, change, redaction, { indent: "    " })))) break;
    }
  }
  await sink.json("end", { provenance: state.provenance, id, records: touched });
  await sink.text(`-- ${counted(touched, "record")} --`);
  await sink.prose(provenanceWords(state.provenance));
  return touched > 0 ? exitCodes.fine : exitCodes.difference;
};
