/** `taskwal tail`: the last records, and then each as it becomes durable, beside the writer. Ctrl-C ends it. */
import { exitCodes } from "../exit-codes.ts";
import { recordWriter } from "./log.ts";
import type { Question } from "./question.ts";

export const runTail = async (question: Question, count: number): Promise<number> => {
  const { offline, sink, signal, at } = question;
  const write = recordWriter(question);
  const after = Math.max(0, (await at()) - count);
  for await (const step of offline.tail(after, signal)) if (!(await write(step))) break;
  await sink.end();
  return signal.aborted ? exitCodes.interrupted : exitCodes.fine;
};
