/**
 * The answer about what is not there: that nothing ever was, or which record took it away or is still to bring it.
 *
 *     nothing is at "6f"     task.6f is gone: @5 task.deleted     task.6f is not there yet: @9 task.created
 */
import type { Change, StateAt } from "@taskwal/replay";
import { exitCodes } from "../exit-codes.ts";
import { findEver } from "./entity-path.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { byWords, provenanceWords, refWords } from "./words.ts";

export const tellAbsent = async (
  question: Question,
  state: StateAt,
  path: string,
): Promise<number> => {
  const { offline, sink } = question;
  const { provenance } = state;
  const ref = findEver(question, state, path)?.ref;
  let change: Change | undefined;
  for await (const step of ref ? offline.trace(ref.id) : []) {
    if (!("changes" in step) || step.entity !== ref?.entity || step.changes.length === 0) continue;
    if (change && step.sequence > provenance.sequence) break;
    change = step;
  }
  const { sequence = 0, type = "", actor } = change ?? {};
  const name = sequence > provenance.sequence ? "yet" : "gone";
  const by = change && { [name]: { sequence, type, actor } };
  await sink.json("nothing", { provenance, path, ...ref, ...by });
  if (!ref) await sink.text(`nothing is at "${plain(path)}"`);
  else if (!change) await sink.prose(`${refWords(ref)} is not there: what made it is missing`);
  else {
    const which = `@${sequence} ${plain(type)} ${byWords(actor)}`.trimEnd();
    await sink.prose(`${refWords(ref)} is ${name === "yet" ? "not there yet" : "gone"}: ${which}`);
  }
  await sink.prose(provenanceWords(provenance));
  return exitCodes.difference;
};
