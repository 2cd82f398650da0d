/**
 * A simulated process: the Disk that code under test is given.
 *
 * The rule: whatever a process holds (open files, locks, timers) ends with it, at once.
 */

import type {
  Clock,
  Directory,
  Disk,
  LockBackend,
  ProcessIdentity,
  RunningProcess,
} from "./index.ts";
import { simDirectory } from "./sim-directory.ts";
import { SimCrash } from "./sim-crash.ts";
import { systemError } from "./sim-faults.ts";
import type { SimFolder } from "./sim-folder.ts";
import type { SimMachine, SimMember } from "./sim-machine.ts";
import type { SimOpenFile } from "./sim-file.ts";

export interface SimProcessOptions {
  /** Default: the machine's. */
  readonly host?: string;
  /** Default: the machine's. Another one is a container beside. */
  readonly pidNamespace?: string;
  /** How it takes locks. Default "fs-ext"; "identity" excludes nobody. */
  readonly lockBackend?: LockBackend;
}

const firstPid = 1000;

const partsOf = (path: string): string[] => path.split("/").filter(Boolean);
const pathOf = (parts: readonly string[]): string => `/${parts.join("/")}`;

/** An absolute path, the directory that it stands in, and its name there. */
const placeOf = (path: string): { path: string; above: string; name: string } => {
  const parts = partsOf(path);
  return { path: pathOf(parts), above: pathOf(parts.slice(0, -1)), name: parts.at(-1) ?? "" };
};

export class SimProcess implements Disk, SimMember {
  readonly name: string;
  readonly process: ProcessIdentity;
  readonly lockBackend: LockBackend;
  readonly clock: Clock;
  /** Not for tests: the files that end with the process. */
  readonly openFiles = new Set<SimOpenFile>();
  readonly #machine: SimMachine;
  readonly #timers = new Set<() => void>();
  #isRunning = true;

  constructor(machine: SimMachine, name?: string, options: SimProcessOptions = {}) {
    const count = machine.countProcess();
    const pid = firstPid + count;
    this.#machine = machine;
    this.name = name ?? `process ${count}`;
    this.lockBackend = options.lockBackend ?? "fs-ext";
    this.clock = this.#ownClock();
    this.process = {
      pid,
      startTime: String(pid),
      bootId: `boot-${machine.bootCount}`,
      pidNamespace: options.pidNamespace ?? "pid:[1]",
      host: options.host ?? "sim",
    };
    machine.members.add(this);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** As SIGKILL: closes its files, frees its locks, stops its timers. What it wrote stays in the page cache. */
  kill(): void {
    this.end();
    this.#machine.members.delete(this);
  }

  /** As `kill`, called by the machine when the power fails. */
  end(): void {
    this.#isRunning = false;
    for (const file of this.openFiles) file.release();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  async openDirectory(path: string): Promise<Directory> {
    const absolute = pathOf(partsOf(path));
    return this.#machine.perform(this, {
      call: { kind: "openDirectory", path: absolute },
      run: () => {
        const node = this.#machine.tree.find(absolute);
        if (!node) throw systemError("ENOENT", "opendir", absolute);
        if (node.kind !== "folder") throw systemError("ENOTDIR", "opendir", absolute);
        return simDirectory(this.#machine, this, node, absolute);
      },
    });
  }

  async createDirectory(path: string): Promise<Directory> {
    const parts = partsOf(path);
    let depth = parts.length;
    while (depth > 0 && !this.#machine.tree.find(pathOf(parts.slice(0, depth)))) depth -= 1;
    // As the real disk: the deepest name that is there already may not be durable yet.
    if (depth > 0) await this.#syncPath(pathOf(parts.slice(0, depth - 1)));
    for (; depth < parts.length; depth += 1) {
      await this.#createFolder(parts.slice(0, depth), parts[depth] ?? "");
      await this.#syncPath(pathOf(parts.slice(0, depth)));
    }
    return this.openDirectory(path);
  }

  async renameDirectory(from: string, to: string): Promise<void> {
    const [source, goal] = [placeOf(from), placeOf(to)];
    const { tree } = this.#machine;
    await this.#machine.perform(this, {
      call: { kind: "rename", path: source.path, to: goal.path },
      run: (isLost) => {
        const node = this.#folderAt(source.path, "rename");
        const [before, after] = [source, goal].map(({ above }) => this.#folderAt(above, "rename"));
        const replaced = after?.cached.get(goal.name);
        if (replaced?.kind === "file") throw systemError("ENOTDIR", "rename", goal.path);
        if (replaced && replaced.cached.size > 0)
          throw systemError("ENOTEMPTY", "rename", goal.path);
        if (!before || !after) return;
        const effects = [
          { folder: after, name: goal.name, node },
          { folder: before, name: source.name, node: undefined },
        ];
        const { path } = source;
        const operation = { kind: "rename", path, to: goal.path, effects } as const;
        tree.changeNames(operation, this.#machine.stamp(), isLost);
      },
    });
    await this.#syncPath(goal.above);
  }

  async removeDirectory(path: string): Promise<void> {
    const place = placeOf(path);
    await this.#machine.perform(this, {
      call: { kind: "remove", path: place.path },
      run: (isLost) => {
        const { size } = this.#folderAt(place.path, "rmdir").cached;
        if (size > 0) throw systemError("ENOTEMPTY", "rmdir", place.path);
        const folder = this.#folderAt(place.above, "rmdir");
        const effects = [{ folder, name: place.name, node: undefined }];
        const operation = { kind: "remove", path: place.path, effects } as const;
        this.#machine.tree.changeNames(operation, this.#machine.stamp(), isLost);
      },
    });
  }

  randomBytes(count: number): Uint8Array {
    if (!this.#isRunning) throw new SimCrash(`the process ${this.name} is dead`);
    return this.#machine.randomBytes(count);
  }

  isAlive(other: ProcessIdentity): "alive" | "dead" | "unknown" {
    const { bootId, pidNamespace, host } = this.process;
    if (other.bootId !== bootId) return other.host === host ? "dead" : "unknown";
    if (other.pidNamespace !== pidNamespace || other.host !== host) return "unknown";
    for (const member of this.#machine.members) {
      const runs = member instanceof SimProcess && member.process.pid === other.pid;
      if (runs && member.process.startTime === other.startTime) return "alive";
    }
    return "dead";
  }

  findProcess(pid: number): RunningProcess | undefined {
    const { bootId, pidNamespace, host } = this.process;
    for (const member of this.#machine.members) {
      if (!(member instanceof SimProcess) || member.process.pid !== pid) continue;
      const { process: identity } = member;
      const isSeen = identity.pidNamespace === pidNamespace && identity.host === host;
      if (isSeen && identity.bootId === bootId) return { identity, argv: [member.name] };
    }
    return undefined;
  }

  /** No process of the simulation starts another. */
  findDescendants(): readonly RunningProcess[] {
    return [];
  }

  #folderAt(path: string, call: string): SimFolder {
    const node = this.#machine.tree.find(path);
    if (node?.kind === "folder") return node;
    throw systemError(node ? "ENOTDIR" : "ENOENT", call, path);
  }

  async #createFolder(above: readonly string[], name: string): Promise<void> {
    const path = pathOf([...above, name]);
    const { tree } = this.#machine;
    await this.#machine.perform(this, {
      call: { kind: "createFolder", path },
      run: (isLost) => {
        const folder = this.#folderAt(pathOf(above), "mkdir");
        if (folder.cached.has(name)) return;
        const effects = [{ folder, name, node: tree.newFolder() }];
        tree.changeNames({ kind: "createFolder", path, effects }, this.#machine.stamp(), isLost);
      },
    });
  }

  async #syncPath(path: string): Promise<void> {
    const machine = this.#machine;
    const { tree } = machine;
    const { sequence } = tree;
    await machine.perform(this, {
      call: { kind: "syncFolder", path },
      run: (isLost) => {
        const folder = this.#folderAt(path, "fsync");
        if (!isLost) tree.syncFolder(folder, sequence);
      },
      runFailed: (after) => {
        if (after !== "dirty") tree.failSyncFolder(this.#folderAt(path, "fsync"), sequence);
      },
    });
  }

  #ownClock(): Clock {
    const { clock } = this.#machine;
    return {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      holdProcess: () => clock.holdProcess(),
      // The dead do not go on: a promise that never settles reaches nobody as an error.
      yield: () => clock.yield().then(() => (this.#isRunning ? undefined : new Promise(() => {}))),
      schedule: (delayMs, task) => {
        if (!this.#isRunning) return () => {};
        const cancel = clock.schedule(delayMs, () => {
          this.#timers.delete(cancel);
          task();
        });
        this.#timers.add(cancel);
        return () => {
          this.#timers.delete(cancel);
          cancel();
        };
      },
    };
  }
}
