/**
 * `taskwal salvage`: everything that can be read of a store, damaged or not, in a new directory.
 *
 *     plan (reads): kept and lost by sequence, whole and damaged by task ─ --apply? ─ the new store
 *
 * The rule: the store that is read stays as it is, also its damage: what is lost today may be read by somebody tomorrow.
 */
import { assertFree, planSalvage, salvage, type Hole, type SalvagePlan } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { ReplayFailedError } from "@taskwal/errors";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruptible.ts";
import { loadModel } from "./model-file.ts";
import { openAnswerSink, type AnswerSink } from "./reading/answer-sink.ts";
import { plain } from "./reading/plain-text.ts";
import { openLateProgress } from "./late-progress.ts";
import { refWords } from "./reading/words.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./words.ts";

export interface SalvageCommandOptions {
  readonly dir: string;
  readonly to: string | undefined;
  readonly model: string | undefined;
  readonly apply: boolean;
  readonly json: boolean;
}

/** The exit code says whether anything is lost. Throws UsageError, and what planning and salvaging throw. */
export const runSalvage = async (
  { dir, to, model: file, apply, json }: SalvageCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  const model = await loadModel(file, dir);
  if (to !== undefined)
    await assertFree({ disk: openNodeDisk(), from: dir, to, operation: "salvage" });
  const { reading: onProgress, end } = openLateProgress();
  const sink = openAnswerSink(process.stdout, terminal, { json, pager: false });
  const isDone = apply && to !== undefined;
  try {
    return await interruptible(
      isDone ? `${to} was not made` : "nothing was written",
      async (signal) => {
        const source = { dir, model, onProgress, signal };
        const plan = await (isDone ? salvage({ ...source, to }) : planSalvage(source));
        end();
        await sink.json("salvage", { ...plan, to: to ?? null, applied: isDone });
        await tell(plan, sink);
        await sink.text(
          isDone
            ? `Written: ${plain(to)}, a store of its own; ${plain(dir)} is as it was`
            : `Nothing was written. --to <new directory> --apply does it`,
        );
        return isLessThanAll(plan) ? exitCodes.difference : exitCodes.fine;
      },
    );
  } catch (error) {
    if (!(error instanceof ReplayFailedError)) throw error;
    process.stderr.write(`taskwal: ${error.message}\n`);
    return exitCodes.divergence;
  } finally {
    end();
    await sink.end();
  }
};

const isLessThanAll = ({ lost, torn, entities }: SalvagePlan): boolean =>
  lost.length + torn.records > 0 ||
  entities.some(({ damaged, gone }) => damaged.length + gone.length > 0);

const tell = async (plan: SalvagePlan, sink: AnswerSink): Promise<void> => {
  const { first, last, base, records, lost, torn, damaged, entities, notReplayed } = plan;
  const { bad } = sink.terminal;
  await sink.text(`Kept      ${counted(records, "record")} of @${first} … @${last}`);
  if (base)
    await sink.prose(
      `Base      ${plain(base.name)} @${base.sequence}; no record before it is kept`,
    );
  if (notReplayed)
    await sink.prose(
      `Not used  @${notReplayed.sequence} and before: ${plain(notReplayed.message)}`,
    );
  for (const hole of lost)
    await sink.prose(`Lost      ${bad(spanWords(hole))}${healedWords(hole)}`);
  for (const { file, startBytes, endBytes, reason } of damaged)
    await sink.prose(
      `Damaged   ${plain(file)}, bytes ${startBytes} to ${endBytes}: ${plain(reason)}`,
    );
  for (const { file, startBytes, endBytes } of torn.bytes)
    await sink.prose(
      `Torn      ${plain(file)}, bytes ${startBytes} to ${endBytes}: a crash cut them off`,
    );
  for (const kind of entities) await tellKind(kind, sink);
};

const tellKind = async (
  { entity, whole, damaged, gone, fromMirrors }: SalvagePlan["entities"][number],
  sink: AnswerSink,
): Promise<void> => {
  const parts = [`${whole} whole`, `${damaged.length} damaged`, `${gone.length} gone`];
  await sink.text(`${"Entities".padEnd(10)}${plain(entity)}: ${parts.join(", ")}`);
  for (const { id, lost, frozen } of damaged)
    await sink.prose(
      `  ${refWords({ entity, id })} lacks ${versionWords(lost)}${frozen ? "; what came behind does not fit, and is not in it" : ""}`,
    );
  for (const { id, lost } of gone)
    await sink.prose(`  ${refWords({ entity, id })} is gone, with ${versionWords(lost)}`);
  for (const id of fromMirrors)
    await sink.prose(`  ${refWords({ entity, id })} is as its own file has it`);
};

const versionWords = (spans: readonly (readonly [number, number])[]): string => {
  const words = spans.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`));
  const isOne = spans.length === 1 && spans[0]?.[0] === spans[0]?.[1];
  return `its ${isOne ? "mutation" : "mutations"} ${words.join(", ")}`;
};

const spanWords = ({ first, last }: Hole): string =>
  first === last ? `@${first}` : `@${first} … @${last}`;

const healedWords = ({ healedAt }: Hole): string =>
  healedAt === undefined ? "" : `; the state is whole again from @${healedAt} on, by a snapshot`;
