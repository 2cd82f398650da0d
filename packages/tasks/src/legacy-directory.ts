/**
 * Reads the state directory of systemprompt-code-orchestrator, however damaged, without touching it.
 *
 *     tasks/<uuid>.json        one task each; the only files that program reads back
 *     state.json               all tasks, sessions, metrics; behind the task files
 *     state.backup.<ms>.json   ten older ones
 *            │
 *            └─ every file ─> copies of tasks ─ by id ─> best of all ─> tasks, sessions, problems
 *
 * A task that only older snapshots have, and neither the newest readable one nor any task file, was
 * deleted by its program: it comes in `deleted`, not in `tasks`.
 *
 * The rule: one bad file never hides the rest; nothing is made up; the same bytes always give the same
 * reading.
 */
import type { Directory } from "@taskwal/disk";

import { shareWith } from "./best-of.ts";
import { classifyDirectory, isSnapshotName, type DirectoryKind } from "./directory-kind.ts";
import { chooseTask, isTaskFile, type LegacyChoice, type LegacyTask } from "./legacy-choice.ts";
import { byText, inOrder, type LegacyProblem } from "./legacy-problem.ts";
import { shapeSession } from "./legacy-shape.ts";
import { readSource, type LegacySource } from "./legacy-source.ts";
import { timeOf, type TaskCopy } from "./task-copy.ts";
import type { Session } from "./task-schemas.ts";

export interface LegacyReading {
  readonly kind: DirectoryKind;
  /** By time of creation, then by id. */
  readonly tasks: readonly LegacyTask[];
  /** Tasks that were deleted, as far as the files tell; each is also among the problems. */
  readonly deleted: readonly LegacyTask[];
  readonly sessions: readonly Session[];
  readonly problems: readonly LegacyProblem[];
}

/**
 * Reads every file of the layout, and nothing if the directory is not of this kind. Each file is held
 * in memory whole, one after the other (legacyFileBytesMax each). Throws only if the disk cannot list
 * the directory. `knownKind` is for an import that goes on after a crash: a log stands beside the
 * legacy files then.
 */
export const readLegacyDirectory = async (
  directory: Directory,
  knownKind?: DirectoryKind,
): Promise<LegacyReading> => {
  const kind = knownKind ?? (await classifyDirectory(directory));
  if (kind !== "legacy") return { kind, tasks: [], deleted: [], sessions: [], problems: [] };
  const { files, foreign } = await filesOf(directory);
  const sources: LegacySource[] = [];
  const copies = new Map<string, [TaskCopy, ...TaskCopy[]]>();
  for (const { file, role } of files) {
    const source = await readSource(directory, file, role);
    const shared = source.copies.map((copy) => collect(copies, copy));
    sources.push({ ...source, copies: shared });
  }
  const choices = [...copies.values()].map(chooseTask);
  const isDeleted = deletionTest(sources);
  const deleted = choices.filter(({ task }) => isDeleted(task.task.id));
  const kept = choices.filter(({ task }) => !isDeleted(task.task.id));
  const byId = new Map(kept.map((choice) => [choice.task.task.id, choice]));
  const sessions = sessionsOf(sources);
  return {
    kind,
    tasks: inCreationOrder(kept),
    deleted: inCreationOrder(deleted),
    sessions: sessions.sessions,
    problems: inOrder([
      ...foreign,
      ...sources.flatMap(({ problems }) => problems.map((found) => withOrigin(found, byId))),
      ...kept.flatMap(({ problems }) => problems),
      ...missingFiles(kept, sources),
      ...deleted.map(presumedDeleted),
      ...sessions.problems,
    ]),
  };
};

interface LegacyFileName {
  readonly file: string;
  readonly role: LegacySource["role"];
}

/** The files to read, from the most to the least trusted, and the strangers among them. */
const filesOf = async (
  directory: Directory,
): Promise<{ files: LegacyFileName[]; foreign: LegacyProblem[] }> => {
  const names = (await directory.list(".")).sort(byText);
  const hasTasks = (await directory.stat("tasks"))?.kind === "folder";
  const taskNames = hasTasks ? (await directory.list("tasks")).sort(byText) : [];
  const snapshots = names
    .filter(isSnapshotName)
    .sort((a, b) => trust(b) - trust(a) || byText(a, b));
  // Left by an opening that a crash cut short in the middle of an import.
  const isOurs = (name: string): boolean => name === "state.json.tmp" && names.includes("wal");
  const strangers = [
    ...names.filter((name) => !isSnapshotName(name) && !layoutFolders.has(name) && !isOurs(name)),
    ...taskNames.filter((name) => !isTaskName(name)).map((name) => `tasks/${name}`),
  ].map((file) => foreignFile(file, "it is no file of this layout", "nothing; it was not read"));
  const unnamed = snapshots
    .filter((name) => trust(name) < 0)
    .map((file) => foreignFile(file, "its name holds no time", "what tasks it has"));
  return {
    files: [
      ...taskNames
        .filter(isTaskName)
        .map((name) => ({ file: `tasks/${name}`, role: "task" as const })),
      ...snapshots.map((file) => ({ file, role: "snapshot" as const })),
    ],
    foreign: [...strangers, ...unnamed],
  };
};

const isTaskName = (name: string): boolean => name.endsWith(".json") && !name.startsWith(".");

/** The layout's own folders; and what is ours, which stands beside them while an import is under way. */
const layoutFolders = new Set(
  "tasks sessions logs reports LOCK wal recovery quarantine legacy".split(" "),
);

/** state.json before the backups, these from the newest, those without a time last. */
const trust = (name: string): number => {
  if (name === "state.json") return Infinity;
  const time = /^state\.backup\.(\d+)\.json$/.exec(name)?.[1];
  return time === undefined ? -1 : Number(time);
};

const foreignFile = (file: string, reason: string, recovered: string): LegacyProblem => ({
  file,
  kind: "foreign",
  reason,
  recovered,
});

const collect = (copies: Map<string, [TaskCopy, ...TaskCopy[]]>, copy: TaskCopy): TaskCopy => {
  const known = copies.get(copy.id);
  if (known === undefined) {
    copies.set(copy.id, [copy]);
    return copy;
  }
  const longest = known.reduce((a, b) => (b.logs.length > a.logs.length ? b : a));
  const shared = shareWith(copy, longest);
  known.push(shared);
  return shared;
};

const inCreationOrder = (choices: readonly LegacyChoice[]): LegacyTask[] =>
  choices
    .map(({ task }) => task)
    .sort(
      (a, b) =>
        compare(timeOf(a.task.created_at), timeOf(b.task.created_at)) ||
        byText(a.task.id, b.task.id),
    );

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Whether a task was deleted: no file has its name or its id, the newest whole snapshot lacks it, and
 * all snapshots that have it are whole and older. A cut snapshot proves neither age nor absence.
 */
const deletionTest = (sources: readonly LegacySource[]): ((id: string) => boolean) => {
  const fileIds = new Set(sources.flatMap(taskFileIds));
  const snapshots = sources
    .filter(({ role }) => role === "snapshot")
    .map(({ savedAt, copies }) => ({ savedAt, ids: new Set(copies.map((copy) => copy.id)) }));
  const newestAt = Math.max(...snapshots.map(({ savedAt }) => savedAt));
  return (id) => {
    if (fileIds.has(id)) return false;
    const holders = snapshots.filter(({ ids }) => ids.has(id));
    return holders.every(({ savedAt }) => savedAt > -Infinity && savedAt < newestAt);
  };
};

/** The ids that a task file stands for: by its name, be it readable or not, and by its content. */
const taskFileIds = ({ role, file, copies }: LegacySource): string[] =>
  role === "task"
    ? [file.slice("tasks/".length, -".json".length), ...copies.map(({ id }) => id)]
    : [];

const presumedDeleted = ({ task, files }: LegacyChoice): LegacyProblem => ({
  file: files[0] ?? task.file,
  kind: "presumed-deleted",
  reason: `task ${task.task.id} is in older snapshots only, so it was deleted`,
  recovered: "the task, listed apart as deleted",
});

const missingFiles = (
  choices: readonly LegacyChoice[],
  sources: readonly LegacySource[],
): LegacyProblem[] => {
  const fileIds = new Set(sources.flatMap(taskFileIds));
  return choices
    .filter(({ task }) => !fileIds.has(task.task.id))
    .map(({ task }) => ({
      file: `tasks/${task.task.id}.json`,
      kind: "missing-file",
      reason: "the task has no file of its own",
      recovered: `the task, from ${task.file}`,
    }));
};

/** Says of a damaged task file where the task, or the rest of it, came from. */
const withOrigin = (
  problem: LegacyProblem,
  choices: ReadonlyMap<string, LegacyChoice>,
): LegacyProblem => {
  if (!isTaskFile(problem.file)) return problem;
  const id = problem.file.slice("tasks/".length, -".json".length);
  const choice = choices.get(id);
  if (choice === undefined || choice.task.file === problem.file) return problem;
  const what = choice.files.includes(problem.file) ? "the rest" : "the task";
  return {
    ...problem,
    recovered: `${problem.recovered}; ${what} was taken from ${choice.task.file}`,
  };
};

/** Those of the newest snapshot that has a list of them: sessions end, so older lists add nothing. */
const sessionsOf = (
  sources: readonly LegacySource[],
): { sessions: Session[]; problems: LegacyProblem[] } => {
  const newest = sources
    .filter(({ sessions }) => sessions !== undefined)
    .reduce<LegacySource | undefined>((a, b) => (a && a.savedAt >= b.savedAt ? a : b), undefined);
  const sessions: Session[] = [];
  const problems: LegacyProblem[] = [];
  for (const [index, value] of (newest?.sessions ?? []).entries()) {
    const shaped = shapeSession(value);
    const file = newest?.file ?? "";
    if (shaped) {
      sessions.push(shaped.session);
      problems.push(...shaped.notes.map((note) => ({ file, ...note })));
    } else {
      const reason = `session ${index} has no id`;
      problems.push({ file, kind: "no-id", reason, recovered: "the other sessions" });
    }
  }
  return { sessions, problems };
};
