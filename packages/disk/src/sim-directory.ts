/**
 * A directory of a simulated process.
 *
 * The rule: it looks every name up at each call, as the system does.
 */

import { partsOfFolder, partsOfName } from "./file-name.ts";
import type { Directory, File, FileStat, FileSystemInfo, FileAccess } from "./index.ts";
import { systemError } from "./sim-faults.ts";
import { SimOpenFile, statOf } from "./sim-file.ts";
import { SimFolder } from "./sim-folder.ts";
import type { SimNode } from "./sim-folder.ts";
import type { SimInode } from "./sim-inode.ts";
import type { SimAction, SimMachine } from "./sim-machine.ts";
import type { SimProcess } from "./sim-process.ts";

export const simDirectory = (
  machine: SimMachine,
  process: SimProcess,
  root: SimFolder,
  path: string,
): Directory => new SimDirectory(machine, process, root, path);

/** A name taken apart: the folder that holds it (undefined if there is none) and the last part. */
interface Place {
  readonly folder: SimFolder | undefined;
  readonly leaf: string;
  readonly path: string;
}

class SimDirectory implements Directory {
  readonly path: string;
  readonly #machine: SimMachine;
  readonly #process: SimProcess;
  readonly #root: SimFolder;

  constructor(machine: SimMachine, process: SimProcess, root: SimFolder, path: string) {
    this.#machine = machine;
    this.#process = process;
    this.#root = root;
    this.path = path;
  }

  list(folder: string): Promise<string[]> {
    return this.#perform({
      call: { kind: "list", path: this.#folderPath(folder) },
      run: () => {
        const node = this.#findFolder(folder);
        if (node?.kind === "file")
          throw systemError("ENOTDIR", "scandir", this.#folderPath(folder));
        return [...(node?.cached.keys() ?? [])];
      },
    });
  }

  stat(name: string): Promise<FileStat | undefined> {
    return this.#perform(this.#stating(name));
  }

  statSync(name: string): FileStat | undefined {
    return this.#machine.performNow(this.#process, this.#stating(name));
  }

  create(name: string): Promise<File> {
    const { path } = this.#place(name);
    return this.#perform({
      call: { kind: "create", path },
      run: (isLost) => {
        const { folder, leaf } = this.#vacant(name, "open");
        const node = this.#machine.tree.newFile();
        node.modified = this.#machine.stamp();
        const effects = [{ folder, name: leaf, node }];
        this.#changeNames({ kind: "create", path, effects }, isLost);
        return this.#opened(name, node, "write");
      },
    });
  }

  open(name: string, access: FileAccess): Promise<File> {
    const { path } = this.#place(name);
    return this.#perform({
      call: { kind: "open", path },
      run: () => this.#opened(name, this.#file(name, "open"), access),
    });
  }

  async createFolder(folder: string): Promise<void> {
    const path = this.#folderPath(folder);
    if (folder === ".") return;
    await this.#perform({
      call: { kind: "createFolder", path },
      run: (isLost) => {
        const existing = this.#root.cached.get(folder);
        if (existing?.kind === "file") throw systemError("ENOTDIR", "mkdir", path);
        if (existing) return;
        const effects = [
          { folder: this.#root, name: folder, node: this.#machine.tree.newFolder() },
        ];
        this.#changeNames({ kind: "createFolder", path, effects }, isLost);
      },
    });
  }

  link(from: string, to: string): Promise<void> {
    const [{ path }, target] = [this.#place(from), this.#place(to)];
    return this.#perform({
      call: { kind: "link", path, to: target.path },
      run: (isLost) => {
        const node = this.#file(from, "link");
        const { folder, leaf } = this.#vacant(to, "link");
        const effects = [{ folder, name: leaf, node }];
        this.#changeNames({ kind: "link", path, to: target.path, effects }, isLost);
      },
    });
  }

  linkInto(from: string, other: Directory, to: string): Promise<void> {
    const { path } = this.#place(from);
    const parts = partsOfName(to);
    const target = [other.path, ...parts].join("/");
    return this.#perform({
      call: { kind: "link", path, to: target },
      run: (isLost) => {
        const node = this.#file(from, "link");
        const above = [other.path, ...parts.slice(0, -1)].join("/");
        const folder = this.#machine.tree.find(above);
        const name = parts.at(-1) ?? "";
        if (folder?.kind !== "folder") throw systemError("ENOENT", "link", target);
        if (folder.cached.has(name)) throw systemError("EEXIST", "link", target);
        const effects = [{ folder, name, node }];
        this.#changeNames({ kind: "link", path, to: target, effects }, isLost);
      },
    });
  }

  rename(from: string, to: string): Promise<void> {
    const [{ path }, target] = [this.#place(from), this.#place(to)];
    return this.#perform({
      call: { kind: "rename", path, to: target.path },
      run: (isLost) => {
        const node = this.#file(from, "rename");
        const [source, goal] = [this.#place(from), this.#place(to)];
        const replaced = goal.folder?.cached.get(goal.leaf);
        if (!goal.folder || !source.folder) throw systemError("ENOENT", "rename", goal.path);
        if (replaced?.kind === "folder") throw systemError("EISDIR", "rename", goal.path);
        // POSIX: between two names of one file nothing happens.
        if (replaced === node) return;
        const effects = [
          { folder: goal.folder, name: goal.leaf, node },
          { folder: source.folder, name: source.leaf, node: undefined },
        ];
        this.#changeNames({ kind: "rename", path, to: target.path, effects }, isLost);
      },
    });
  }

  remove(name: string): Promise<void> {
    const { path } = this.#place(name);
    return this.#perform({
      call: { kind: "remove", path },
      run: (isLost) => {
        this.#file(name, "unlink");
        const { folder, leaf } = this.#place(name);
        if (!folder) return;
        const effects = [{ folder, name: leaf, node: undefined }];
        this.#changeNames({ kind: "remove", path, effects }, isLost);
      },
    });
  }

  syncFolder(folder: string): Promise<void> {
    const { tree } = this.#machine;
    const path = this.#folderPath(folder);
    // Covers what was done when it began, as a sync of a file.
    const { sequence } = tree;
    const found = (): SimFolder => {
      const node = this.#findFolder(folder);
      if (node?.kind === "folder") return node;
      throw systemError(node ? "ENOTDIR" : "ENOENT", "fsync", path);
    };
    return this.#perform({
      call: { kind: "syncFolder", path },
      run: (isLost) => {
        const node = found();
        if (!isLost) tree.syncFolder(node, sequence);
      },
      runFailed: (after) => {
        if (after !== "dirty") tree.failSyncFolder(found(), sequence);
      },
    });
  }

  fileSystem(): Promise<FileSystemInfo> {
    return this.#perform({
      call: { kind: "fileSystem", path: this.path },
      run: () => this.#machine.fileSystem(),
    });
  }

  async assertWritable(): Promise<void> {
    await this.#perform({ call: { kind: "access", path: this.path }, run: () => {} });
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  #stating(name: string): SimAction<FileStat | undefined> {
    const isRoot = name === ".";
    return {
      call: { kind: "stat", path: isRoot ? this.path : this.#place(name).path },
      run: () => {
        const { folder, leaf } = isRoot ? { folder: undefined, leaf: "" } : this.#place(name);
        const node = isRoot ? this.#root : folder?.cached.get(leaf);
        return node && statOf(node);
      },
    };
  }

  #perform<T>(action: SimAction<T>): Promise<T> {
    return this.#machine.perform(this.#process, action);
  }

  #changeNames(operation: Parameters<SimMachine["tree"]["changeNames"]>[0], isLost: boolean): void {
    this.#machine.tree.changeNames(operation, this.#machine.stamp(), isLost);
  }

  #opened(name: string, inode: SimInode, access: FileAccess): File {
    const { path } = this.#place(name);
    return new SimOpenFile(this.#machine, this.#process, inode, { name, path, access });
  }

  #folderPath(folder: string): string {
    return [this.path === "/" ? "" : this.path, ...partsOfFolder(folder)].join("/");
  }

  #findFolder(folder: string): SimNode | undefined {
    return folder === "." ? this.#root : this.#root.cached.get(folder);
  }

  #place(name: string): Place {
    const parts = partsOfName(name);
    const above = parts.length === 2 ? this.#root.cached.get(parts[0] ?? "") : this.#root;
    return {
      folder: above instanceof SimFolder ? above : undefined,
      leaf: parts.at(-1) ?? "",
      path: [this.path === "/" ? "" : this.path, ...parts].join("/"),
    };
  }

  #file(name: string, call: string): SimInode {
    const { folder, leaf, path } = this.#place(name);
    const node = folder?.cached.get(leaf);
    if (!node) throw systemError("ENOENT", call, path);
    if (node.kind === "folder") throw systemError("EISDIR", call, path);
    return node;
  }

  #vacant(name: string, call: string): { readonly folder: SimFolder; readonly leaf: string } {
    const { folder, leaf, path } = this.#place(name);
    if (!folder) throw systemError("ENOENT", call, path);
    if (folder.cached.has(leaf)) throw systemError("EEXIST", call, path);
    return { folder, leaf };
  }
}
