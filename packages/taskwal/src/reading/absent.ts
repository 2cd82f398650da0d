/**
 * The answer about what is not there: that nothing ever was, or which record took it away or is still to bring it.
 *
 *     "6f" is no entity     task.6f is gone: @5 task.deleted     task.6f is not there yet: @9 task.created
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
  let isGone = false;
  for await (const step of ref ? offline.trace(ref.id) : []) {
    if (!("changes" in step) || step.entity !== ref?.entity) continue;
    if (change && step.sequence > provenance.sequence) break;
    isGone = step.sequence <= provenance.sequence;
    change = step;
  }
  const by = change && { sequence: change.sequence, type: change.type, actor: change.actor };
  await sink.json("nothing", {
    provenance,
    path,
    ...ref,
    ...(by && { [isGone ? "gone" : "yet"]: by }),
  });
  if (ref && change) {
    const which = `@${change.sequence} ${plain(change.type)} ${byWords(change.actor)}`.trimEnd();
    await sink.prose(`${refWords(ref)} is ${isGone ? "gone" : "not there yet"}: ${which}`);
  } else await sink.text(`nothing is at "${plain(path)}"`);
  await sink.prose(provenanceWords(provenance));
  return exitCodes.difference;
};
