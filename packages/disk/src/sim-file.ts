/**
 * An open file of a simulated process.
 *
 * The rule: it acts on the inode, whatever became of the name; the lock belongs to this open file.
 */

import type { File, FileAccess, FileStat, LockBackend } from "./index.ts";
import { systemError } from "./sim-faults.ts";
import type { SimNode } from "./sim-folder.ts";
import type { InodeUser, SimInode } from "./sim-inode.ts";
import type { SimAction, SimMachine } from "./sim-machine.ts";
import type { SimProcess } from "./sim-process.ts";

export const statOf = (node: SimNode): FileStat => ({
  sizeBytes: node.kind === "file" ? node.cached.sizeBytes : 0,
  inode: `sim:${node.number}`,
  modified: node.modified,
  links: node.kind === "file" ? node.links : 1,
  mode: node.kind === "file" ? 0o600 : 0o700,
  kind: node.kind,
});

export class SimOpenFile implements File, InodeUser {
  readonly name: string;
  readonly #machine: SimMachine;
  readonly #process: SimProcess;
  readonly #inode: SimInode;
  readonly #path: string;
  readonly #access: FileAccess;
  #isClosed = false;
  #missedError: string | undefined;
  /** The sequence of its last write. */
  #written = 0;

  constructor(
    machine: SimMachine,
    process: SimProcess,
    inode: SimInode,
    facts: { readonly name: string; readonly path: string; readonly access: FileAccess },
  ) {
    this.#machine = machine;
    this.#process = process;
    this.#inode = inode;
    this.name = facts.name;
    this.#path = facts.path;
    this.#access = facts.access;
    inode.users.add(this);
    process.openFiles.add(this);
  }

  stat(): Promise<FileStat> {
    return this.#perform({
      call: { kind: "stat", path: this.#path },
      run: () => statOf(this.#inode),
    });
  }

  read(buffer: Uint8Array, startBytes: number): Promise<number> {
    const endBytes = startBytes + buffer.length;
    return this.#perform({
      call: { kind: "read", path: this.#path, startBytes, endBytes },
      run: () => {
        const bytes = this.#inode.cached.view(startBytes, endBytes);
        buffer.set(bytes);
        return bytes.length;
      },
    });
  }

  /** Where it writes through, two calls in one: a power cut or a fault may come between them. */
  async write(bytes: Uint8Array, startBytes: number): Promise<void> {
    await this.#perform(this.#writing(bytes, startBytes));
    if (this.#access === "write-through") await this.#perform(this.#syncing(this.#written));
  }

  sync(): Promise<void> {
    return this.#perform(this.#syncing());
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#perform(this.#truncating(sizeBytes));
  }

  writeSync(bytes: Uint8Array, startBytes: number): void {
    this.#performNow(this.#writing(bytes, startBytes));
    if (this.#access === "write-through") this.#performNow(this.#syncing(this.#written));
  }

  syncSync(): void {
    this.#performNow(this.#syncing());
  }

  truncateSync(sizeBytes: number): void {
    this.#performNow(this.#truncating(sizeBytes));
  }

  tryLock(): Promise<LockBackend | undefined> {
    const inode = this.#inode;
    return this.#perform({
      call: { kind: "lock", path: this.#path },
      run: () => {
        if (this.#process.lockBackend === "identity") return "identity";
        if (inode.lockedBy && inode.lockedBy !== this) return undefined;
        inode.lockedBy = this;
        return this.#process.lockBackend;
      },
    });
  }

  async close(): Promise<void> {
    this.release();
    await Promise.resolve();
  }

  /** Closes at once, as the end of the process does. */
  release(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#process.openFiles.delete(this);
    if (this.#inode.lockedBy === this) this.#inode.lockedBy = undefined;
    this.#inode.users.delete(this);
    this.#machine.tree.releaseIfUnused(this.#inode);
  }

  missError(errno: string): void {
    this.#missedError = errno;
  }

  #writing(bytes: Uint8Array, startBytes: number): SimAction<void> {
    const machine = this.#machine;
    const write = (part: Uint8Array, isLost: boolean): void => {
      machine.write(this.#inode, this.#path, part, startBytes, isLost);
      this.#written = machine.tree.sequence;
    };
    return {
      call: { kind: "write", path: this.#path, startBytes, endBytes: startBytes + bytes.length },
      run: (isLost) => {
        this.#assertWritable("EBADF", "write");
        write(bytes, isLost);
      },
      runPart: (sizeBytes) => write(bytes.subarray(0, sizeBytes), false),
    };
  }

  #truncating(sizeBytes: number): SimAction<void> {
    const { tree } = this.#machine;
    return {
      call: { kind: "truncate", path: this.#path, sizeBytes },
      run: (isLost) => {
        this.#assertWritable("EINVAL", "ftruncate");
        tree.changeData(
          this.#inode,
          { kind: "truncate", sizeBytes },
          this.#machine.stamp(),
          isLost,
        );
      },
    };
  }

  /** Of all that was written, or of one write. */
  #syncing(write?: number): SimAction<void> {
    const inode = this.#inode;
    // A sync covers what was written when it began; the rest is luck, and here it has none.
    const sequence = write ?? this.#machine.tree.sequence;
    return {
      call: { kind: "sync", path: this.#path },
      run: (isLost) => {
        if (!isLost && write === undefined) inode.sync(sequence);
        else if (!isLost) inode.syncWrite(sequence);
        const errno = this.#missedError;
        this.#missedError = undefined;
        if (errno) throw systemError(errno, "fdatasync", this.#path);
      },
      runFailed: (after) => {
        inode.failSync(sequence, after);
        // Linux reports the error once to every file that was open.
        for (const user of inode.users) if (user !== this) user.missError("EIO");
      },
    };
  }

  #assertWritable(errno: string, call: string): void {
    if (this.#access === "read") throw systemError(errno, call, this.#path);
  }

  #performNow<T>(action: SimAction<T>): T {
    if (this.#isClosed && this.#process.isRunning)
      throw systemError("EBADF", action.call.kind, this.#path);
    return this.#machine.performNow(this.#process, action);
  }

  async #perform<T>(action: SimAction<T>): Promise<T> {
    if (this.#isClosed && this.#process.isRunning)
      throw systemError("EBADF", action.call.kind, this.#path);
    return this.#machine.perform(this.#process, action);
  }
}
