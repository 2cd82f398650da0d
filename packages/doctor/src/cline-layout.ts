/**
 * The tasks of Cline in a VS Code storage folder, and of what was made of it.
 *
 *     tasks/<id>/api_conversation_history.json    one array of messages, written anew each time
 *     tasks/<id>/ui_messages.json                 what the panel shows of them
 *     state/taskHistory.json                      the list of tasks: what it does not name is not shown
 *
 * Known of it: tasks vanish from the list while their folders are whole (cline/cline #4359), which its command
 * "Reconstruct Task History" mends.
 *
 * The rule: a name that is missing is told only where a file that is whole names it.
 */
import type { Finding } from "./finding.ts";
import { readJson } from "./json-file.ts";
import type { ScanListener } from "./json-scanner.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";

const keys: ReadonlySet<string> = new Set(["id", "ts"]);
const history = /^(?:(.+?)\/)??(?:state\/)?taskHistory\.json$/;
const taskFile = /^((?:.*\/)?tasks\/([^/]+))\/(api_conversation_history|ui_messages)\.json$/;
/** How many ids, and how many folders, are compared. */
const namesMax = 100_000;

export class ClineLayout {
  /** By the folder of the task: which of its two files are there. */
  private readonly folders = new Map<string, Set<string>>();
  private idsHeld = 0;
  /** There are more than are compared: nothing is unlisted or without a folder for certain. */
  private isOver = false;
  /** By the folder that `tasks/` is in: the ids that a whole list names, and the list. */
  private readonly lists = new Map<string, { readonly file: string; readonly ids: Set<string> }>();

  static isPart(path: string): boolean {
    return history.test(path) || taskFile.test(path);
  }

  /** A file is there, whether it can be read or not. */
  note(path: string): void {
    const [, folder, , name] = taskFile.exec(path) ?? [];
    if (folder === undefined || name === undefined) return;
    const known = this.folders.get(folder);
    if (known) known.add(name);
    else if (this.folders.size < namesMax) this.folders.set(folder, new Set([name]));
    else this.isOver = true;
  }

  async read(source: Source, tally: Tally): Promise<void> {
    tally.program = "cline";
    const root = history.exec(source.path);
    if (root) tally.unit = "tasks";
    const ids = new Set<string>();
    let id: string | undefined;
    const listener: ScanListener = {
      scalar: (path, value) => {
        if (path === "*.id" && typeof value === "string") id = value;
        if (path === "*.ts") tally.time(value);
      },
      ended: (path) => {
        if (path !== "*") return;
        tally.count += 1;
        if (id !== undefined) tally.id(id);
        if (id !== undefined && root) this.addId(ids, id);
        id = undefined;
      },
    };
    const { isClean } = await readJson(source, tally, listener, keys);
    if (root && isClean) this.lists.set(root[1] ?? "", { file: source.path, ids });
  }

  findings(): Finding[] {
    if (this.isOver) return this.halfFolders();
    return [...this.halfFolders(), ...this.unlisted(), ...this.withoutFolder()];
  }

  private addId(ids: Set<string>, id: string): void {
    if (this.idsHeld >= namesMax) this.isOver = true;
    else if (!ids.has(id)) {
      this.idsHeld += 1;
      ids.add(id);
    }
  }

  private halfFolders(): Finding[] {
    return [...this.folders].flatMap(([folder, names]) =>
      ["api_conversation_history", "ui_messages"]
        .filter((name) => !names.has(name))
        .map((name): Finding => {
          const reason = "is not there, though the other file of the task is";
          return { kind: "missing", file: `${folder}/${name}.json`, reason };
        }),
    );
  }

  private unlisted(): Finding[] {
    return [...this.folders.keys()].flatMap((folder): Finding[] => {
      const end = folder.lastIndexOf("tasks/");
      const list = this.lists.get(folder.slice(0, Math.max(0, end - 1)));
      if (!list || list.ids.has(folder.slice(end + "tasks/".length))) return [];
      return [{ kind: "hidden", file: folder, reason: `${list.file} does not name this task` }];
    });
  }

  private withoutFolder(): Finding[] {
    return [...this.lists].flatMap(([root, { file, ids }]) => {
      const prefix = root === "" ? "tasks/" : `${root}/tasks/`;
      return [...ids]
        .filter((id) => !this.folders.has(prefix + id))
        .map((id): Finding => {
          const reason = `has no file of a conversation; ${file} names the task`;
          return { kind: "missing", file: prefix + id, reason };
        });
    });
  }
}
