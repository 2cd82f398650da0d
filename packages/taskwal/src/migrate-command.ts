/**
 * `taskwal migrate`: what a newer model makes of a directory, and then the migration itself.
 *
 *     plan (reads the whole log) ─ nothing fails, and --apply? ─ open, which migrates ─ close
 *
 * The rule: plan first (without --apply it says the same and writes nothing); where the plan finds
 * anything that fails, nothing is applied.
 */
import {
  openStore,
  planMigration,
  type EntityDefinitions,
  type MigrationPlan,
  type TypedModel,
} from "@taskwal/core";
import { openTaskStore } from "@taskwal/tasks";
import { assertDirectory } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { loadModel } from "./model-file.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export interface MigrateCommandOptions {
  readonly dir: string;
  readonly apply: boolean;
  /** A file that exports a model; undefined for the tasks' own. */
  readonly model: string | undefined;
  readonly json: boolean;
}

/**
 * Exit code 1 if something would fail, 3 if the migration is too large to be written down, else 0. Throws UsageError, and
 * what planning and opening throw; nothing is written then.
 */
export const runMigrate = async (
  { dir, apply, model: file, json }: MigrateCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertDirectory(dir);
  const model = await loadModel(file, dir);
  const plan = await planMigration({
    dir,
    model,
    onProgress: ({ sequence, last }) => terminal.progress(`reading @${sequence} of @${last}`),
  });
  if (plan.store === undefined) throw new UsageError(`${dir} holds no store`);
  const isFit = plan.failures.length === 0 && (plan.differences?.count ?? 0) === 0;
  const applied = apply && isFit && plan.opening === "migrate";
  if (applied) {
    const tooLarge = await migrate(dir, file === undefined ? undefined : model);
    if (tooLarge !== undefined) {
      process.stderr.write(`taskwal: ${tooLarge}\n`);
      return exitCodes.refused;
    }
  }
  if (json) terminal.raw(`${JSON.stringify({ ...asFacts(plan), applied })}\n`);
  else tell(plan, { apply, applied, isFit }, terminal);
  return isFit ? exitCodes.fine : exitCodes.difference;
};

/**
 * Tasks by their own door: a store in which an import has stopped halfway is that one's to finish. Returns what is too
 * large to be written down, with its size; nothing of the store was changed then.
 */
const migrate = async (
  dir: string,
  model: TypedModel<EntityDefinitions> | undefined,
): Promise<string | undefined> => {
  try {
    const store = model ? await openStore({ dir, model }) : await openTaskStore({ dir });
    await store.close();
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
};

const asFacts = ({ refusal, ...plan }: MigrationPlan): object => {
  if (!refusal) return { ...plan, refusal: null };
  const { message, sequence, type, id, path, reason } = refusal;
  return { ...plan, refusal: { message, sequence, type, id, path, reason } };
};

const tell = (
  plan: MigrationPlan,
  { apply, applied, isFit }: { apply: boolean; applied: boolean; isFit: boolean },
  terminal: Terminal,
): void => {
  const { say, heading, bad, good } = terminal;
  const { dir, log, snapshot, migration, refusal } = plan;
  heading(`${dir}${applied ? "" : " (nothing was written)"}`);
  const base = snapshot ? `${snapshot.name} @${snapshot.sequence}` : "no snapshot";
  say(`  ${base}; ${log ? `records @${log.first} to @${log.last}` : "no records"} in the log`);
  for (const { entity, from, to, count } of migration?.entities ?? []) {
    say(`  ${entity}: version ${from} -> ${good(String(to))}, ${count} in the snapshot`);
  }
  if (plan.opening === "open") say("  nothing to migrate");
  for (const { type, version, to, records } of plan.types) {
    if (to === undefined || to === version) continue;
    say(`  ${type}: payload version ${version} -> ${to} at every reading, ${records} records`);
  }
  for (const { entity, count } of plan.entities) say(`  ${entity}: ${count} at the end`);
  if (plan.modelChanged) say("  the model's reducers changed, but none of its versions did");
  if (refusal) say(`  ${bad("an opening would refuse")}: ${refusal.message}`);
  tellFailures(plan, terminal);
  if (applied) {
    heading("Migrated");
    say(`  ${migration?.backup}   the snapshot as it was`);
    say(`  ${migration?.log}   what was done`);
  } else if (!isFit) heading("Not applied: the model must be mended first");
  else if (migration && !apply) heading("--apply migrates it");
};

const failing = {
  record: "does not replay",
  migration: "does not migrate",
  entity: "does not fit",
};

const tellFailures = (
  { failures, differences }: MigrationPlan,
  { say, heading, bad, dim }: Terminal,
): void => {
  if (failures.length > 0) heading("Would fail");
  for (const { kind, type, count, sequence, id, path, reason } of failures) {
    say(`  ${bad(`${type} ${failing[kind]}`)}: ${count}`);
    const where = path === undefined ? "" : ` at ${path}`;
    say(dim(`    the first: @${sequence}${id === undefined ? "" : `, ${id}`}${where}: ${reason}`));
  }
  if (!differences?.count) return;
  heading("The snapshot and the log do not come to the same");
  say(
    `  ${bad(String(differences.count))} entities, the first ${differences.entity} ${differences.id}`,
  );
};
