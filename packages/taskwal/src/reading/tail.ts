/**
 * `taskwal tail`: the last records, and then each as it becomes durable, beside the writer. Ctrl-C ends it.
 *
 * The rule: a gap stands behind the record before it, at once, also where nothing comes behind it. What is lost while one
 * looks on is told by the `$gap` record of the opening that found it.
 */
import { exitCodes } from "../exit-codes.ts";
import { recordWriter } from "./log.ts";
import type { Question } from "./question.ts";

export const runTail = async (question: Question, count: number): Promise<number> => {
  const { offline, sink, signal, at } = question;
  const write = recordWriter(question);
  const after = Math.max(0, (await at()) - count);
  const gaps = (await offline.info()).gaps.filter(({ to }) => to > after);
  const writeGaps = async (to: number): Promise<void> => {
    const [gap] = gaps;
    if (!gap || gap.from > to) return;
    gaps.shift();
    await write(gap);
    await writeGaps(gap.to + 1);
  };
  await writeGaps(after + 1);
  for await (const step of offline.tail(after, signal)) {
    const [from, to] = step.kind === "gap" ? [step.from, step.to] : [step.sequence, step.sequence];
    await writeGaps(from);
    if (!(await write(step))) break;
    await writeGaps(to + 1);
  }
  await sink.end();
  return signal.aborted ? exitCodes.interrupted : exitCodes.fine;
};
