/**
 * The simulated disk: a machine in memory on which every crash and every fault of a disk can be had,
 * exactly and again from its seed.
 *
 *     const sim = createSimDisk({ seed: 7 });
 *     sim.crashAt(12);                          the power fails before the 12th mutating call
 *     await run(sim.process("writer"));         ends with SimCrash (or hangs: see whenCrashed)
 *     const before = sim.snapshotState();
 *     sim.powerCut({ writes: "random", names: "prefix", seed: 1 });
 *     await check(sim.process("reader"));       a new process, another boot id
 *     sim.restore(before);                      and the next choice from the same point
 *
 * What it promises is the least that POSIX file systems promise: bytes are durable by `sync`, names
 * by `syncFolder` of their folder, and neither by anything else.
 *
 * The rule: nothing here happens by chance: same seed, same calls, same disk.
 */

import type { FileSystemInfo } from "./index.ts";
import type { SimClock } from "./sim-clock.ts";
import type { SimCall, SimFaultOptions, SimFaultPlace } from "./sim-faults.ts";
import type { SimState } from "./sim-machine.ts";
import { SimMachine } from "./sim-machine.ts";
import type { PowerCutChoice, UnsyncedName, UnsyncedWrite } from "./sim-power-cut.ts";
import { SimProcess } from "./sim-process.ts";
import type { SimProcessOptions } from "./sim-process.ts";
import { fileAt, flipBit, listRaw, removeRaw, writeRaw } from "./sim-raw.ts";

export { Prng } from "./prng.ts";
export type { SimClock } from "./sim-clock.ts";
export { SimCrash } from "./sim-crash.ts";
export type {
  SimCall,
  SimFaultOptions,
  SimFaultPlace,
  SimMutatingKind,
  SimReadingKind,
} from "./sim-faults.ts";
export type { AfterFailedSync } from "./sim-inode.ts";
export type { SimState } from "./sim-machine.ts";
export type {
  PowerCutChoice,
  PowerCutPolicy,
  UnsyncedName,
  UnsyncedWrite,
} from "./sim-power-cut.ts";
export type { SimProcess, SimProcessOptions } from "./sim-process.ts";

export interface SimDiskOptions {
  /** Default 1. Decides turns, random bytes and random power cuts. */
  readonly seed?: number;
  /** Bytes of all files; undefined for no limit. Can be changed later. */
  readonly capacityBytes?: number;
  /** Lets a real turn of the event loop pass in each call. Default false: only microtasks, which is faster. */
  readonly realTurns?: boolean;
  /** Where the wall clock starts, in milliseconds since the epoch. Default 2025-01-01. */
  readonly startMs?: number;
  /** What `fileSystem()` says. Default a local "sim". */
  readonly fileSystem?: Pick<FileSystemInfo, "name" | "network">;
}

export interface SimDisk {
  /** A new process on this machine. Several may run at a time. */
  process(name?: string, options?: SimProcessOptions): SimProcess;
  readonly clock: SimClock;

  /** How many mutating calls there were. The next one has the number `callCount + 1`. */
  readonly callCount: number;
  /** Every mutating call, in the order of its effects; a new array each time. */
  readonly trace: readonly SimCall[];

  /**
   * The power fails at the mutating call of that number: before its effect, or with `inside` after it
   * (of a write: after a seeded part of it) and before its answer. All processes are dead then; the
   * unsynced state is decided by `powerCut`. One crash point at a time; `powerCut` and `restore` take
   * it away.
   */
  crashAt(call: number, options?: { readonly inside?: boolean }): void;
  /** Takes the crash point away. */
  cancelCrash(): void;
  /** True from a crash until `powerCut` or `restore`. */
  readonly isCrashed: boolean;
  /** Resolves at the next crash. */
  readonly whenCrashed: Promise<void>;
  /**
   * The power fails (if it has not), and everything unsynced survives or not, as chosen (default
   * "random"). Locks are free, faults stay. Afterwards new processes can start.
   */
  powerCut(choice?: PowerCutChoice): void;
  /** What a power cut would decide about: first writes and truncates by file, then names in order. */
  unsynced(): (UnsyncedWrite | UnsyncedName)[];
  /** The page cache goes: reads come from the disk (plus what waits for a sync). No process notices. */
  dropCaches(): void;

  /** Makes calls fail with an errno ("ENOSPC"). Returns the repair. */
  fail(place: SimFaultPlace, errno: string, options?: SimFaultOptions): () => void;
  /** Makes reads that touch the half-open range of a file fail with EIO, until the returned repair. */
  failReads(path: string, startBytes: number, endBytes: number): () => void;
  /**
   * Makes calls answer well without becoming durable: a disk that lies. What a lost sync should have
   * covered, a later one still can. Returns the repair.
   */
  lose(place: SimFaultPlace, options?: Pick<SimFaultOptions, "times">): () => void;
  /** Makes matching asynchronous calls wait, without effect, until the returned release. */
  hang(place: SimFaultPlace): () => void;
  /** Takes away what `fail`, `failReads` and `lose` set. */
  clearFaults(): void;

  /** Bytes of all files; undefined for no limit. May be set at any time. */
  capacityBytes: number | undefined;
  readonly usedBytes: number;

  /** Flips one bit on the medium and in the cache: bit 0 is the lowest of byte 0. */
  flipBit(path: string, bit: number): void;
  /** The bytes as a process reads them, or those on the medium. Throws ENOENT. */
  readRaw(path: string, where?: "cached" | "durable"): Uint8Array;
  /** Puts bytes there, durably, as an editor or a restored backup does. Makes what is missing. */
  writeRaw(path: string, bytes: Uint8Array): void;
  /** Takes a file away, durably. Throws ENOENT. */
  removeRaw(path: string): void;
  /** The paths of all files that processes see, sorted. */
  listRaw(): string[];

  /** The whole machine but its processes and faults. Cheap: bytes are shared until they change. */
  snapshotState(): SimState;
  /** Goes back to a snapshot, any number of times. Processes of before are dead. */
  restore(state: SimState): void;
}

const defaultStartMs = Date.UTC(2025, 0, 1);

export const createSimDisk = (options: SimDiskOptions = {}): SimDisk => {
  const machine = new SimMachine({
    seed: options.seed ?? 1,
    startMs: options.startMs ?? defaultStartMs,
    realTurns: options.realTurns ?? false,
    fileSystem: options.fileSystem ?? { name: "sim", network: false },
  });
  machine.capacityBytes = options.capacityBytes;
  const { faults } = machine;
  return {
    process: (name, processOptions) => new SimProcess(machine, name, processOptions),
    clock: machine.clock,
    get callCount() {
      return machine.callCount;
    },
    get trace() {
      return machine.trace.calls;
    },
    crashAt: (call, { inside = false } = {}) => {
      machine.crashPoint = { call, inside };
    },
    cancelCrash: () => {
      machine.crashPoint = undefined;
    },
    get isCrashed() {
      return machine.isCrashed;
    },
    get whenCrashed() {
      return machine.whenCrashed;
    },
    powerCut: (choice = "random") => machine.powerCut(choice),
    unsynced: () => machine.tree.unsynced(),
    dropCaches: () => machine.tree.dropCaches(),
    fail: (place, errno, faultOptions) => faults.add("fail", place, errno, faultOptions),
    failReads: (path, start, end) => faults.add("fail", readsOf(path, start, end), "EIO", lasting),
    lose: (place, faultOptions) => faults.add("lose", place, "", faultOptions),
    hang: (place) => faults.hang(place),
    clearFaults: () => faults.clear(),
    get capacityBytes() {
      return machine.capacityBytes;
    },
    set capacityBytes(bytes) {
      machine.capacityBytes = bytes;
    },
    get usedBytes() {
      return machine.tree.usedBytes();
    },
    flipBit: (path, bit) => flipBit(machine.tree, path, bit),
    readRaw: (path, where = "cached") => fileAt(machine.tree, path)[where].copy(),
    writeRaw: (path, bytes) => writeRaw(machine.tree, path, bytes, machine.stamp()),
    removeRaw: (path) => removeRaw(machine.tree, path),
    listRaw: () => listRaw(machine.tree),
    snapshotState: () => machine.state,
    restore: (state) => machine.restore(state),
  };
};

const lasting = { times: "forever" } as const;

const readsOf =
  (path: string, startBytes: number, endBytes: number) =>
  (call: SimCall): boolean =>
    call.kind === "read" &&
    call.path === path &&
    (call.startBytes ?? 0) < endBytes &&
    startBytes < (call.endBytes ?? 0);
