/**
 * The whole simulated file system: folders, files, and what no sync has covered yet.
 *
 *     root ── "state" ── "wal" ── "HEAD" ──> inode {cached, durable, unsynced}
 *     names (journal)  create a.tmp · rename a.tmp -> a · remove b · ...
 *
 * The rule: it knows no processes, no calls and no faults; every change is whole when it returns.
 */

import type { Prng } from "./prng.ts";
import { SimFolder, forgetNames, setName, syncNames, withoutName } from "./sim-folder.ts";
import type { NameEffect, NameOperation, SimNode } from "./sim-folder.ts";
import { SimInode } from "./sim-inode.ts";
import type { DataOperation } from "./sim-inode.ts";
import { keptNames, policyOf, survivingBytes } from "./sim-power-cut.ts";
import type { PowerCutChoice, UnsyncedName, UnsyncedWrite } from "./sim-power-cut.ts";

const staleBytesMax = 64 * 1024;

/** A data operation before it has its place in the order. */
export type DataChange =
  | { readonly kind: "write"; readonly startBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

export class SimTree {
  root = new SimFolder(1);
  /** Operations on names that no folder sync has covered, in order. */
  names: NameOperation[] = [];
  /** Of the newest operation: what a sync that begins now covers. */
  sequence = 0;
  /** The end of the file that was freed last: what a block may still hold. */
  stale: Uint8Array = new Uint8Array(0);
  #nextNumber = 2;
  #freeNumbers: number[] = [];

  newFile(): SimInode {
    return new SimInode(this.#number());
  }

  newFolder(): SimFolder {
    return new SimFolder(this.#number());
  }

  /** The node of an absolute path as the processes see it. */
  find(path: string): SimNode | undefined {
    let node: SimNode | undefined = this.root;
    for (const part of path.split("/").filter(Boolean)) {
      node = node?.kind === "folder" ? node.cached.get(part) : undefined;
    }
    return node;
  }

  changeData(inode: SimInode, change: DataChange, modified: string, isLost = false): void {
    this.sequence += 1;
    const operation: DataOperation = { ...change, sequence: this.sequence };
    if (change.kind === "truncate" && change.sizeBytes < inode.cached.sizeBytes)
      this.#keepStale(inode);
    if (isLost) inode.applyLost(operation);
    else inode.apply(operation);
    inode.modified = modified;
  }

  changeNames(operation: Omit<NameOperation, "sequence">, modified: string, isLost = false): void {
    this.sequence += 1;
    const before = operation.effects.map(({ folder, name }) => folder.cached.get(name));
    for (const effect of operation.effects) {
      setName(effect.folder.cached, effect);
      effect.folder.modified = modified;
      if (effect.node?.kind === "file") effect.node.links += 1;
    }
    for (const node of before) {
      if (node?.kind !== "file") continue;
      node.links -= 1;
      this.releaseIfUnused(node);
    }
    if (!isLost) this.names.push({ ...operation, sequence: this.sequence });
  }

  syncFolder(folder: SimFolder, sequence: number): void {
    this.names = syncNames(this.names, folder, sequence);
  }

  failSyncFolder(folder: SimFolder, sequence: number): void {
    this.names = forgetNames(this.names, folder, sequence);
  }

  /** Takes a name out of what is unsynced: what it means is durable already. */
  settleName(folder: SimFolder, name: string): void {
    this.names = withoutName(this.names, { folder, name });
  }

  /** Frees the number of a file with no name and no user: the next file may get it, as on ext4. */
  releaseIfUnused(inode: SimInode): void {
    if (inode.links > 0 || inode.users.size > 0) return;
    this.#keepStale(inode);
    this.#freeNumbers.push(inode.number);
  }

  /** Bytes of all files that have a name now. */
  usedBytes(): number {
    let usedBytes = 0;
    for (const [, node] of this.nodes()) {
      if (node.kind === "file" && node.links > 0) usedBytes += node.cached.sizeBytes;
    }
    return usedBytes;
  }

  /** Every file and folder once, with a path under which it can be found now or after a power cut. */
  nodes(): Map<string, SimNode> {
    const found = new Map<string, SimNode>();
    const seen = new Set<SimNode>();
    const visit = (path: string, node: SimNode): void => {
      if (seen.has(node)) return;
      seen.add(node);
      // A removed file and its successor have the same path.
      let key = path;
      while (found.has(key)) key += "'";
      found.set(key, node);
      if (node.kind === "file") return;
      for (const [name, child] of node.cached) visit(`${path}/${name}`, child);
      for (const [name, child] of node.durable) visit(`${path}/${name}`, child);
    };
    visit("", this.root);
    for (const { path, to, effects } of this.names) {
      for (const { node } of effects) if (node) visit(to ?? path, node);
    }
    return found;
  }

  /** What a power cut decides about: writes and truncates by file, then names in order. */
  unsynced(): (UnsyncedWrite | UnsyncedName)[] {
    const writes = [...this.unsyncedWrites().values()].flat();
    return [...writes, ...this.unsyncedNames(writes.length)];
  }

  dropCaches(): void {
    for (const node of this.nodes().values()) if (node.kind === "file") node.dropCache();
  }

  unsyncedNames(firstIndex: number): UnsyncedName[] {
    return this.names.map(({ kind, path, to }, at) => ({
      index: firstIndex + at,
      kind,
      path,
      ...(to === undefined ? {} : { to }),
    }));
  }

  /** What no sync has covered, by file, in the order of `nodes()`. */
  unsyncedWrites(): Map<SimInode, UnsyncedWrite[]> {
    const result = new Map<SimInode, UnsyncedWrite[]>();
    let index = 0;
    for (const [path, node] of this.nodes()) {
      if (node.kind !== "file" || node.unsynced.length === 0) continue;
      let sizeBytes = node.durable.sizeBytes;
      const writes = node.unsynced.map((operation): UnsyncedWrite => {
        const beforeBytes = sizeBytes;
        const isWrite = operation.kind === "write";
        const startBytes = isWrite
          ? operation.startBytes
          : Math.min(beforeBytes, operation.sizeBytes);
        const endBytes = isWrite
          ? startBytes + operation.bytes.length
          : Math.max(beforeBytes, operation.sizeBytes);
        sizeBytes = isWrite ? Math.max(beforeBytes, endBytes) : operation.sizeBytes;
        return { index: index++, kind: operation.kind, path, startBytes, endBytes };
      });
      result.set(node, writes);
    }
    return result;
  }

  /** Leaves what survives a power cut, as durable and cached alike. */
  powerCut(choice: PowerCutChoice, prng: Prng): void {
    const policy = policyOf(choice, prng);
    const writes = this.unsyncedWrites();
    const writeCount = [...writes.values()].reduce((count, { length }) => count + length, 0);
    const kept = keptNames(this.unsyncedNames(writeCount), policy, prng);
    for (const [inode, unsynced] of writes) {
      inode.durable = survivingBytes(inode, unsynced, policy, prng, this.stale);
    }
    for (const [at, { effects }] of this.names.entries()) {
      if (kept[at]) for (const effect of effects) setName(effect.folder.durable, effect);
    }
    this.names = [];
    this.#restart();
  }

  clone(): SimTree {
    const result = new SimTree();
    const copies = new Map<SimNode, SimNode>();
    const folderOf = (folder: SimFolder): SimFolder => {
      const known = copies.get(folder);
      if (known?.kind === "folder") return known;
      const copy = new SimFolder(folder.number);
      copy.modified = folder.modified;
      copies.set(folder, copy);
      for (const [name, node] of folder.cached) copy.cached.set(name, nodeOf(node));
      for (const [name, node] of folder.durable) copy.durable.set(name, nodeOf(node));
      return copy;
    };
    const nodeOf = (node: SimNode): SimNode => {
      if (node.kind === "folder") return folderOf(node);
      const copy = copies.get(node) ?? node.clone();
      copies.set(node, copy);
      return copy;
    };
    const effectOf = ({ folder, name, node }: NameEffect): NameEffect => ({
      folder: folderOf(folder),
      name,
      node: node && nodeOf(node),
    });
    result.root = folderOf(this.root);
    result.names = this.names.map((one) => ({ ...one, effects: one.effects.map(effectOf) }));
    result.sequence = this.sequence;
    result.stale = this.stale;
    result.#nextNumber = this.#nextNumber;
    result.#freeNumbers = [...this.#freeNumbers];
    return result;
  }

  /** Makes the durable state what everybody sees, as mounting does. */
  #restart(): void {
    const seen = new Set<SimNode>();
    const numbers = new Set<number>();
    const visit = (node: SimNode): void => {
      if (node.kind === "file") node.links += 1;
      if (seen.has(node)) return;
      seen.add(node);
      // A removal that did not survive brings back a file whose number was given to another one.
      if (numbers.has(node.number)) node.number = this.#nextNumber++;
      numbers.add(node.number);
      if (node.kind === "file") {
        node.links = 1;
        node.unsynced = [];
        node.cached = node.durable.clone();
      } else {
        node.cached = new Map(node.durable);
        for (const child of node.cached.values()) visit(child);
      }
    };
    visit(this.root);
    this.#freeNumbers = [];
  }

  #number(): number {
    return this.#freeNumbers.pop() ?? this.#nextNumber++;
  }

  #keepStale(inode: SimInode): void {
    if (inode.cached.sizeBytes === 0) return;
    this.stale = inode.cached.copy().subarray(-staleBytesMax);
  }
}
