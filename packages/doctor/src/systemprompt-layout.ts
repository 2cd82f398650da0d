/**
 * The state directory of systemprompt-code-orchestrator.
 *
 *     tasks/<id>.json          the only files that it reads when it starts
 *     state.json, backups      written by it, read by nobody: copies of all tasks
 *
 * Known of it: a task file that JSON.parse does not take is passed over; one that holds null ends its loading.
 *
 * The rule: a file is judged by itself first; then what the others have of the same task.
 */
import { isoOf, timeMs } from "./file-time.ts";
import type { Finding } from "./finding.ts";
import { readJson } from "./json-file.ts";
import type { ScanListener } from "./json-scanner.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";

const keys: ReadonlySet<string> = new Set(
  "id created_at updated_at timestamp last_saved".split(" "),
);
/** Ids of tasks that are compared; beyond it, what other files have of a task is not told. */
export const taskIdsMax = 100_000;

export interface WholeSnapshot {
  readonly file: string;
  readonly tasks: number;
  readonly savedAt: string | undefined;
}

export class SystempromptLayout {
  /** The first whole one in the order of reading: state.json, then backups from the newest. */
  newest: WholeSnapshot | undefined = undefined;
  /** By id: the file with the most log entries of that task, whole. */
  private readonly copies = new Map<string, { readonly file: string; readonly logs: number }>();
  /** Ids in the newest whole snapshot, and in damaged ones that are newer. */
  private readonly named = new Set<string>();
  /** By id of the content: the task file that was read first. */
  private readonly taskFiles = new Map<string, string>();
  /** By the names of the task files. */
  private readonly names = new Set<string>();
  /** There are more than are compared: nothing is missing for certain. */
  private isOver = false;

  /** Whether the layout has this file, and as what. */
  static roleOf(path: string): "task" | "snapshot" | undefined {
    if (path === "state.json" || backupName.test(path)) return "snapshot";
    return /^tasks\/[^./][^/]*\.json$/.test(path) ? "task" : undefined;
  }

  /** A file of a task is there, whether it can be read or not. */
  note(path: string): void {
    if (SystempromptLayout.roleOf(path) !== "task") return;
    this.isOver ||= !addBelow(this.names, idOfName(path));
  }

  /** Snapshots from the newest, then task files. */
  static order(a: string, b: string): number {
    return ageOf(b) - ageOf(a) || (a < b ? -1 : a > b ? 1 : 0);
  }

  async readSnapshot(source: Source, tally: Tally): Promise<void> {
    const isNewest = this.newest === undefined;
    let id: string | undefined;
    let logs = 0;
    let savedAt: string | undefined;
    let hasList = false;
    const listener: ScanListener = {
      scalar: (path, value) => {
        if (path === "tasks.*.id" && typeof value === "string") id = value;
        // Anything else than a time could be what somebody wrote: it is not shown.
        else if (path === "last_saved") savedAt = savedTime(value);
        tally.time(value);
      },
      ended: (path) => {
        if (path === "tasks.*.logs.*") logs += 1;
        if (path === "tasks") hasList = true;
        if (path !== "tasks.*") return;
        tally.count += 1;
        if (id !== undefined) {
          tally.id(id);
          if (isNewest) this.isOver ||= !addBelow(this.named, id);
          this.keepCopy(id, source.path, logs);
        }
        id = undefined;
        logs = 0;
      },
    };
    const { isWhole, isClean } = await readJson(source, tally, listener, keys);
    if (isClean && !hasList) tally.find("garbled", "holds no list of tasks");
    if (isWhole && tally.count > 0)
      this.newest ??= { file: source.path, tasks: tally.count, savedAt };
  }

  async readTask(source: Source, tally: Tally): Promise<void> {
    let id: string | undefined;
    let isNull = false;
    const listener: ScanListener = {
      scalar: (path, value) => {
        if (path === "id" && typeof value === "string") id = value;
        if (path === "") isNull = value === null;
        tally.time(value);
      },
      ended: (path) => void (path === "logs.*" && (tally.count += 1)),
    };
    const { isClean } = await readJson(source, tally, listener, keys);
    const named = idOfName(source.path);
    if (id !== undefined) tally.id(id);
    if (!isClean) return;
    if (isNull)
      return tally.find(
        "hidden",
        "holds null, which ends its program's loading: other tasks do not show",
      );
    if (id === undefined) return tally.find("garbled", "holds no task");
    if (id !== named)
      tally.find("hidden", `holds the task ${id}, which its program saves to another file`);
    const other = this.taskFiles.get(id);
    if (other !== undefined) tally.find("hidden", `has the task of ${other}: one hides the other`);
    else if (this.taskFiles.size < taskIdsMax) this.taskFiles.set(id, source.path);
  }

  /** A copy of the task that this damaged file should hold. */
  copyOf(finding: Finding): string | undefined {
    if (SystempromptLayout.roleOf(finding.file) !== "task") return undefined;
    return this.copies.get(idOfName(finding.file))?.file;
  }

  /** Tasks of the newest whole snapshot, or of a newer damaged one, that have no file. */
  missing(): Finding[] {
    if (this.isOver) return [];
    return [...this.named]
      .filter((id) => !this.hasFile(id))
      .map((id) => {
        const copyIn = this.copies.get(id)?.file ?? "";
        const reason = `is not there; ${copyIn} has the task, which its program does not show`;
        return { kind: "missing", file: `tasks/${id}.json`, reason, copyIn };
      });
  }

  /** Tasks that only older snapshots have: deleted, or lost before the newest one was written. */
  onlyInOlder(): { readonly id: string; readonly copyIn: string }[] {
    if (this.isOver) return [];
    return [...this.copies]
      .filter(([id]) => !this.named.has(id) && !this.hasFile(id))
      .map(([id, { file }]) => ({ id, copyIn: file }));
  }

  private hasFile(id: string): boolean {
    return this.names.has(id) || this.taskFiles.has(id);
  }

  private keepCopy(id: string, file: string, logs: number): void {
    const known = this.copies.get(id);
    if (known ? known.logs < logs : this.copies.size < taskIdsMax)
      this.copies.set(id, { file, logs });
  }
}

/** False where there are too many to compare. */
const addBelow = (ids: Set<string>, id: string): boolean => {
  if (ids.size >= taskIdsMax) return ids.has(id);
  ids.add(id);
  return true;
};

const backupName = /^state\.backup\.(\d+)\.json$/;
const ageOf = (path: string): number =>
  path === "state.json" ? Number.MAX_VALUE : Number(backupName.exec(path)?.[1] ?? -1);
const idOfName = (path: string): string => path.slice("tasks/".length, -".json".length);
const savedTime = (value: unknown): string | undefined => {
  const ms = timeMs(value);
  return ms === undefined ? undefined : isoOf(ms);
};
