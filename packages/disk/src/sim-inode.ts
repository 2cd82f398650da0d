/**
 * A simulated file, whatever its names:
 *
 *     write ─> cached (what every process reads) + unsynced (what a power cut may lose)
 *     sync  ─> unsynced operations go to durable, in order
 *     write through ─> that write alone goes to durable; those before it stay unsynced   (O_DSYNC)
 *     failed sync, "clean"  ─> cached keeps the bytes, nobody will ever write them   (ext4, xfs)
 *     failed sync, "revert" ─> cached goes back to durable                          (btrfs)
 *     failed sync, "dirty"  ─> nothing changes, the next sync writes them
 *
 * The rule: durable changes by a sync (or a power cut) only; names are the folder's affair.
 */

import { SimBytes } from "./sim-bytes.ts";

export type DataOperation =
  | {
      readonly sequence: number;
      readonly kind: "write";
      readonly startBytes: number;
      readonly bytes: Uint8Array;
    }
  | { readonly sequence: number; readonly kind: "truncate"; readonly sizeBytes: number };

/** What a failed sync leaves of the bytes that it should have written. */
export type AfterFailedSync = "clean" | "revert" | "dirty";

/** An open file, as its inode sees it. */
export interface InodeUser {
  /** An error of a sync that another open file made: the next sync of this one reports it, once. */
  missError(errno: string): void;
}

export const applyTo = (bytes: SimBytes, operation: DataOperation): void => {
  if (operation.kind === "write") bytes.write(operation.bytes, operation.startBytes);
  else bytes.resize(operation.sizeBytes);
};

type WriteOperation = Extract<DataOperation, { kind: "write" }>;

/** What of an older write is not written over by a newer one. */
const besides = (older: DataOperation, newer: WriteOperation): DataOperation[] => {
  if (older.kind !== "write") return [older];
  const { startBytes, bytes } = older;
  const endBytes = startBytes + bytes.length;
  const pieces = [
    [startBytes, Math.min(endBytes, newer.startBytes)],
    [Math.max(startBytes, newer.startBytes + newer.bytes.length), endBytes],
  ] as const;
  return pieces.flatMap(([start, end]) =>
    end > start
      ? [
          {
            ...older,
            startBytes: start,
            bytes: bytes.subarray(start - startBytes, end - startBytes),
          },
        ]
      : [],
  );
};

export class SimInode {
  readonly kind = "file";
  number: number;
  cached = new SimBytes();
  durable = new SimBytes();
  unsynced: DataOperation[] = [];
  /** How many names it has now. */
  links = 0;
  /** The open files of it. */
  readonly users = new Set<InodeUser>();
  modified = "";
  lockedBy: InodeUser | undefined;

  constructor(number: number) {
    this.number = number;
  }

  apply(operation: DataOperation): void {
    applyTo(this.cached, operation);
    this.unsynced.push(operation);
  }

  /** As a disk that lies does it: everybody reads it, and it never becomes durable. */
  applyLost(operation: DataOperation): void {
    applyTo(this.cached, operation);
  }

  /** Makes the operations up to `sequence` durable: those that were there when the sync began. */
  sync(sequence: number): void {
    const [covered, later] = this.#split(sequence);
    for (const operation of covered) applyTo(this.durable, operation);
    this.unsynced = later;
  }

  /**
   * Makes one write durable. A truncate before it goes with it, and what was before that: they share the
   * journal with the size that this one needs. Nothing, if a sync has covered it meanwhile.
   */
  syncWrite(sequence: number): void {
    const write = this.unsynced.find((operation) => operation.sequence === sequence);
    if (write?.kind !== "write") return;
    const before = this.unsynced.filter((operation) => operation.sequence < sequence);
    const truncate = before.findLast(({ kind }) => kind === "truncate");
    if (truncate) this.sync(truncate.sequence);
    applyTo(this.durable, write);
    this.unsynced = this.unsynced.flatMap((operation) => {
      if (operation === write) return [];
      return operation.sequence < sequence ? besides(operation, write) : [operation];
    });
  }

  failSync(sequence: number, after: AfterFailedSync): void {
    if (after === "dirty") return;
    const [covered, later] = this.#split(sequence);
    // A truncate is metadata: an error of the data does not take it back.
    const metadata = covered.filter((operation) => operation.kind === "truncate");
    this.unsynced = after === "revert" ? later : [...metadata, ...later];
    if (after === "revert") this.dropCache();
  }

  /** Reads come from the disk again: what a "clean" failed sync kept only in memory is gone. */
  dropCache(): void {
    this.cached = this.durable.clone();
    for (const operation of this.unsynced) applyTo(this.cached, operation);
  }

  /** The same file in a fork of the disk: nobody has it open there. */
  clone(): SimInode {
    const result = new SimInode(this.number);
    result.cached = this.cached.clone();
    result.durable = this.durable.clone();
    result.unsynced = [...this.unsynced];
    result.links = this.links;
    result.modified = this.modified;
    return result;
  }

  #split(sequence: number): [DataOperation[], DataOperation[]] {
    const end = this.unsynced.findIndex((operation) => operation.sequence > sequence);
    return end < 0 ? [this.unsynced, []] : [this.unsynced.slice(0, end), this.unsynced.slice(end)];
  }
}
