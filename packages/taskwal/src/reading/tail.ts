/**
 * `taskwal tail`: the last records; with -f each new one as well, as it becomes durable, beside the writer. Ctrl-C ends that.
 */
import { exitCodes } from "../exit-codes.ts";
import { recordWriter, tellEnd, tellRecords } from "./log.ts";
import { tellState, type Question } from "./question.ts";

export interface TailFlags {
  readonly count: number;
  readonly follow: boolean;
}

/** Exit code 1 if there is no record and none was waited for, 130 after Ctrl-C. */
export const runTail = async (
  question: Question,
  { count, follow }: TailFlags,
): Promise<number> => {
  const { offline, signal, at } = question;
  const to = await at();
  const after = Math.max(0, to - count);
  const told = await tellRecords(question, { after, to, reverse: false }, () => true);
  if (!follow) {
    await tellEnd(question, told);
    return told.records > 0 ? exitCodes.fine : exitCodes.difference;
  }
  await tellState(question, "following");
  const write = recordWriter(question);
  for await (const step of offline.tail(to, signal)) if (!(await write(step))) break;
  return signal.aborted ? exitCodes.interrupted : exitCodes.fine;
};
