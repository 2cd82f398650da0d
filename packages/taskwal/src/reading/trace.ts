/** `taskwal trace ID`: everything that ever touched an entity, record by record, and what each changed. */
import { exitCodes } from "../exit-codes.ts";
import { counted } from "../words.ts";
import { changeLine, hidden } from "./change-lines.ts";
import { findEver } from "./entity-path.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { byWords, gapWords, provenanceWords, timeWords } from "./words.ts";

export const runTrace = async (question: Question, words: string): Promise<number> => {
  const { offline, sink, redaction, at } = question;
  const to = await at();
  const state = await offline.stateAt(to);
  const id = findEver(question, state, words)?.ref?.id ?? words;
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
    const because = step.cause === undefined ? "" : `because @${step.cause}`;
    await sink.text(
      [`@${step.sequence}`, timeWords(step.at), plain(step.type), byWords(step.actor), because]
        .filter((part) => part !== "")
        .join("  "),
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
