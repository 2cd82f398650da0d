/**
 * `taskwal mark`: a name for the end of the log as it is now.
 *
 *     is it a name? ─ open ─ $mark ─ close          a live owner keeps the directory: he marks by `store.mark(name)`
 *
 * The rule: a mark is a record like any other, so it needs an opening; one that would have to go on without
 * acknowledged records is refused, for marking is no reason to decide that.
 */
import { assertMark, openStore } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { loadModel } from "./model-file.ts";
import { answerJson } from "./reading/answer-sink.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export interface MarkCommandOptions {
  readonly dir: string;
  readonly name: string;
  readonly text: string | undefined;
  readonly model: string | undefined;
  readonly json: boolean;
}

/** Throws UsageError, LockedError beside a live owner, CorruptError where acknowledged records are damaged. */
export const runMark = async (
  { dir, name, text, model: modelFile, json }: MarkCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  assertWords(name, text);
  await assertStore(dir);
  const model = await loadModel(modelFile, dir);
  const store = await openStore({ dir, model, onDamage: "refuse" });
  let sequence: number;
  try {
    sequence = await store.mark(name, { text });
  } finally {
    await store.close();
  }
  if (json) terminal.raw(`${answerJson("mark", { dir, mark: name, text, sequence })}\n`);
  else terminal.say(`@${sequence} is mark:${name}`);
  return exitCodes.fine;
};

const assertWords = (name: string, text: string | undefined): void => {
  try {
    assertMark(name, { text });
  } catch (error) {
    if (error instanceof InvalidMutationError) throw new UsageError(error.reason);
    throw error;
  }
};
