/**
 * What becomes of one task of which a legacy directory has copies.
 *
 *     copies of one id ─ best-of ─ legacy-shape ──> LegacyTask, and the remarks about it
 *
 * The rule: remarks are given for the copies that something was taken from; the others changed nothing.
 */
import { bestOf, type BestTask } from "./best-of.ts";
import type { LegacyProblem } from "./legacy-problem.ts";
import { shapeTask } from "./legacy-shape.ts";
import type { CopyNote, TaskCopy } from "./task-copy.ts";
import type { LogEntry, Task } from "./task-schemas.ts";

export interface LegacyTask {
  readonly task: Task;
  readonly logs: readonly LogEntry[];
  /** The file that gave the most of it: "tasks/x.json", "state.json". */
  readonly file: string;
  /** True if something of it comes from a file that is cut, so that more may have stood there. */
  readonly partial: boolean;
}

export interface LegacyChoice {
  readonly task: LegacyTask;
  /** The files that something was taken from. */
  readonly files: readonly string[];
  readonly problems: readonly LegacyProblem[];
}

/** Chooses among the copies of one task, given from the most to the least trusted file. */
export const chooseTask = (copies: readonly [TaskCopy, ...TaskCopy[]]): LegacyChoice => {
  const best = bestOf(copies);
  const [base] = best.sources;
  const { id, file } = base;
  const { task, logs, notes } = shapeTask(id, best.fields, best.logs);
  // A snapshot holds many tasks: there the remark says which.
  const which = isTaskFile(file) ? "" : ` of task ${id}`;
  const shapeNotes = notes.map((note) => ({ ...note, reason: `${note.reason}${which}` }));
  return {
    task: { task, logs, file, partial: best.partial },
    files: best.sources.map((source) => source.file),
    problems: [
      ...best.sources.flatMap((source) => source.notes.map((note) => problemOf(source.file, note))),
      ...shapeNotes.map((note) => problemOf(file, note)),
      ...contradictions(id, best),
      ...duplicates(copies, best),
    ],
  };
};

export const isTaskFile = (file: string): boolean => file.startsWith("tasks/");

const problemOf = (file: string, note: CopyNote): LegacyProblem => ({ file, ...note });

const contradictions = (id: string, { contradicting, sources }: BestTask): LegacyProblem[] =>
  contradicting.map(({ copy, entry }) => ({
    file: copy.file,
    kind: "logs-differ",
    reason: `the log of task ${id} differs from that in ${sources[0].file} from entry ${entry} on`,
    recovered: "nothing of its log: the other one was taken",
  }));

/** Copies of one id that are more than one among the task files, or within one snapshot. */
const duplicates = (copies: readonly TaskCopy[], { sources }: BestTask): LegacyProblem[] => {
  const groups = new Map<string, TaskCopy[]>();
  for (const copy of copies) {
    const group = isTaskFile(copy.file) ? "tasks/" : copy.file;
    groups.set(group, [...(groups.get(group) ?? []), copy]);
  }
  return [...groups.values()].flatMap((group) => {
    const taken = group.find((copy) => copy === sources[0]) ?? group[0];
    return group
      .filter((copy) => copy !== taken)
      .map((copy): LegacyProblem => {
        const where = copy.file === taken?.file ? "twice in this file" : `in ${taken?.file} too`;
        const reason = `the id ${copy.id} is ${where}, and that one was taken`;
        const recovered = sources.includes(copy) ? "what the other one lacks" : "nothing";
        return { file: copy.file, kind: "duplicate-id", reason, recovered };
      });
  });
};
