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
  readonly ids: ReadonlySet<string>;
}

export class SystempromptLayout {
  /** The first whole one in the order of reading: state.json, then backups from the newest. */
  newest: WholeSnapshot | undefined = undefined;
  /** By id: the file with the most log entries of that task, whole. */
  private readonly copies = new Map<string, { readonly file: string; readonly logs: number }>();
  /** By id of the content: the task file that was read first. */
  private readonly taskFiles = new Map<string, string>();
  private readonly names = new Set<string>();

  /** Whether the layout has this file, and as what. */
  static roleOf(path: string): "task" | "snapshot" | undefined {
    if (path === "state.json" || backupName.test(path)) return "snapshot";
    return /^tasks\/[^./][^/]*\.json$/.test(path) ? "task" : undefined;
  }

  /** Snapshots from the newest, then task files. */
  static order(a: string, b: string): number {
    return ageOf(b) - ageOf(a) || (a < b ? -1 : a > b ? 1 : 0);
  }

  async readSnapshot(source: Source, tally: Tally): Promise<void> {
    const ids = new Set<string>();
    let id: string | undefined;
    let logs = 0;
    let savedAt: string | undefined;
    let hasList = false;
    const listener: ScanListener = {
      scalar: (path, value) => {
        if (path === "tasks.*.id" && typeof value === "string") id = value;
        else if (path === "last_saved" && typeof value === "string") savedAt = value;
        tally.time(value);
      },
      ended: (path) => {
        if (path === "tasks.*.logs.*") logs += 1;
        if (path === "tasks") hasList = true;
        if (path !== "tasks.*") return;
        tally.count += 1;
        if (id !== undefined) {
          tally.id(id);
          if (ids.size < taskIdsMax) ids.add(id);
          this.keepCopy(id, source.path, logs);
        }
        id = undefined;
        logs = 0;
      },
    };
    const { isWhole, isClean } = await readJson(source, tally, listener, keys);
    if (isClean && !hasList) tally.find("garbled", "holds no list of tasks");
    if (isWhole && tally.count > 0)
      this.newest ??= { file: source.path, tasks: tally.count, savedAt, ids };
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
    if (this.names.size < taskIdsMax) this.names.add(named);
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

  /** Tasks of the newest whole snapshot that have no file. Those of older ones only were deleted. */
  missing(): Finding[] {
    const { newest } = this;
    return [...(newest?.ids ?? [])]
      .filter((id) => !this.names.has(id) && !this.taskFiles.has(id))
      .map((id) => ({
        kind: "missing",
        file: `tasks/${id}.json`,
        reason: `is not there; ${newest?.file ?? ""} has the task, which its program does not show`,
        copyIn: this.copies.get(id)?.file ?? newest?.file ?? "",
      }));
  }

  private keepCopy(id: string, file: string, logs: number): void {
    const known = this.copies.get(id);
    if (known ? known.logs < logs : this.copies.size < taskIdsMax)
      this.copies.set(id, { file, logs });
  }
}

const backupName = /^state\.backup\.(\d+)\.json$/;
const ageOf = (path: string): number =>
  path === "state.json" ? Number.MAX_VALUE : Number(backupName.exec(path)?.[1] ?? -1);
const idOfName = (path: string): string => path.slice("tasks/".length, -".json".length);
