/**
 * `taskwal rollback`: the state before a migration, in a new directory, for the older program.
 *
 *     plan ─ every record that it hides ─ --apply and --into? ─ the new directory
 *
 * The rule: what is hidden is listed before anything is done, record by record; the directory that is
 * rolled back stays as it is, so what is hidden is still there.
 */
import { hiddenRecords, planRollback, rollBack, type RollbackPlan } from "@taskwal/core";
import { assertDirectory } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export interface RollbackCommandOptions {
  readonly dir: string;
  readonly into: string | undefined;
  readonly apply: boolean;
  readonly json: boolean;
}

/** Exit code 0. Throws UsageError, and what planning and rolling back throw; `dir` is as it was then, too. */
export const runRollback = async (
  { dir, into, apply, json }: RollbackCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  if (apply && into === undefined)
    throw new UsageError("--apply needs --into <dir>, a new directory");
  await assertDirectory(dir);
  const plan = await planRollback({ dir });
  if (!plan) throw new UsageError(`no migration has left a way back in ${dir}`);
  await (json ? listAsJson : list)(dir, plan, terminal);
  if (apply && into !== undefined) {
    const onProgress = ({ sequence, last }: { sequence: number; last: number }): void =>
      terminal.progress(`copying @${sequence} of @${last}`);
    await rollBack({ dir, into, plan, onProgress });
  }
  if (json) terminal.raw(`],"into":${JSON.stringify(into ?? null)},"applied":${apply}}\n`);
  else tellEnd({ dir, into, apply }, terminal);
  return exitCodes.fine;
};

/** Record by record: there may be more than a text can hold. */
const listAsJson = async (
  dir: string,
  plan: RollbackPlan,
  terminal: Pick<Terminal, "raw">,
): Promise<void> => {
  terminal.raw(`${JSON.stringify({ ...plan }).slice(0, -1)},"hides":[`);
  let separator = "";
  for await (const { seq: sequence, at, type, id, n: version } of hiddenRecords({ dir }, plan)) {
    terminal.raw(`${separator}${JSON.stringify({ sequence, at, type, id, version })}`);
    separator = ",";
  }
};

const list = async (
  dir: string,
  plan: RollbackPlan,
  { say, heading, good, bad, dim }: Terminal,
): Promise<void> => {
  const { base, to, last, hidden, unlisted, schema } = plan;
  const versions = Object.entries(schema).map(([name, version]) => `${name} version ${version}`);
  heading(`${plan.dir}: back to ${good(`@${to}`)} of @${last}`);
  say(`  ${versions.join(", ")}; ${base.name} @${base.sequence}, and the records behind it`);
  for (const [first, end] of unlisted) {
    say(`  ${bad(`@${first} to @${end} would be hidden too`)}: the log no longer has them`);
  }
  if (hidden.records === 0) return heading("Hides nothing");
  heading(`Hides ${hidden.records} records, ${hidden.mutations} of them mutations`);
  for await (const { seq, at, type, id } of hiddenRecords({ dir }, plan)) {
    const line = `  @${seq}  ${new Date(at).toISOString()}  ${type}${id === undefined ? "" : `  ${id}`}`;
    say(type.startsWith("$") ? dim(line) : line);
  }
};

const tellEnd = (
  { dir, into, apply }: Pick<RollbackCommandOptions, "dir" | "into" | "apply">,
  { say, heading }: Terminal,
): void => {
  if (!apply) return heading("Nothing was written. --into <new directory> --apply does it");
  heading("Done");
  say(`  ${into}   for the older program: a store of its own from here on`);
  say(`  ${dir}   as it was, with all that the other one does not have`);
};
