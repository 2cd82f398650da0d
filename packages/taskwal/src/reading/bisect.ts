/**
 * `taskwal bisect ENTITY --when CONDITION`: every record after which the condition begins or ceases to hold.
 *
 *     false ──▲── true ──▼── false ──▲── true        state is not monotonic: all flips are found, none is guessed
 *
 * The rule: binary search, which takes the first flip it meets for the only one, is for --expensive alone.
 */
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { counted } from "../words.ts";
import { bisectExpensively } from "./bisect-expensive.ts";
import { tellAbsent } from "./absent.ts";
import { findEver } from "./entity-path.ts";
import type { Change, EntityRef, Offline } from "@taskwal/replay";
import { plain } from "./plain-text.ts";
import { parseCondition } from "./predicate.ts";
import type { Question } from "./question.ts";
import { byWords, provenanceWords, refWords, timeWords } from "./words.ts";

export interface BisectFlags {
  readonly entity: string | undefined;
  readonly when: string | undefined;
  readonly expensive: string | undefined;
  readonly from: string | undefined;
}

/** Exit code 1 if the condition never changes. */
export const runBisect = async (question: Question, flags: BisectFlags): Promise<number> => {
  const { entity, when, expensive } = flags;
  if ((when === undefined) === (expensive === undefined))
    throw new UsageError("bisect needs either --when <condition> or --expensive <command>");
  const { offline } = question;
  const to = await question.at();
  const from =
    flags.from === undefined ? await oldest(offline, to) : await offline.point(flags.from);
  if (from > to) throw new UsageError(`--from is @${from}, behind @${to}`);
  if (expensive !== undefined) return bisectExpensively(question, expensive, { from, to });
  if (entity === undefined) throw new UsageError("bisect --when needs an entity: its id");
  return exactly(question, entity, when ?? "", { from, to });
};

/** The oldest state there is: @0, or what the snapshot holds that the log goes on from. */
const oldest = async (offline: Offline, to: number): Promise<number> =>
  (await offline.stateAt(to)).provenance.snapshot?.sequence ?? 0;

const exactly = async (
  question: Question,
  words: string,
  when: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> => {
  const { offline, sink } = question;
  const test = parseCondition(when);
  const state = await offline.stateAt(to);
  const ref = findEver(question, state, words)?.ref;
  if (!ref) return tellAbsent(question, state, words);
  const ends = {
    from: { sequence: from, value: test(await (await offline.stateAt(from)).get(ref)) },
    to: { sequence: to, value: test(await state.get(ref)) },
  };
  await sink.text(`${refWords(ref)}: ${plain(when)}`);
  await sink.text(`@${from} ${ends.from.value}    @${to} ${ends.to.value}`);
  const changeAt = changesOf(offline, ref);
  let count = 0;
  for await (const flip of offline.flips({ ref, test }, { after: from, to })) {
    count += 1;
    const change = await changeAt(flip.sequence);
    const { type, at, actor } = change ?? {};
    await sink.json("flip", { ...flip, ...ref, type, at, actor });
    await sink.text(flipLine(flip.sequence, flip.value, change));
  }
  await sink.json("end", { provenance: state.provenance, ends, flips: count, exact: true });
  await sink.text(`-- ${counted(count, "flip")}, exact --`);
  await sink.prose(provenanceWords(state.provenance));
  return count > 0 ? exitCodes.fine : exitCodes.difference;
};

/** What a record did to the entity, by its sequence: to be asked from the lowest on. The files of the log are not read again. */
const changesOf = (
  offline: Offline,
  { entity, id }: EntityRef,
): ((sequence: number) => Promise<Change | undefined>) => {
  const steps = offline.trace(id)[Symbol.asyncIterator]();
  return async (sequence) => {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return undefined;
      if (!("changes" in value) || value.entity !== entity) continue;
      if (value.sequence >= sequence) return value.sequence === sequence ? value : undefined;
    }
  };
};

export const flipLine = (
  sequence: number,
  value: boolean,
  record: Pick<Change, "type" | "at" | "actor"> | undefined,
): string =>
  [
    `${value ? "▲" : "▼"} @${sequence}`,
    record ? `${plain(record.type)}  ${timeWords(record.at)}` : "",
    byWords(record?.actor),
    `${!value} → ${value}`,
  ]
    .filter((part) => part !== "")
    .join("  ");
