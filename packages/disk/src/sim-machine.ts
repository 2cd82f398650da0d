/**
 * The simulated machine: one gate through which every call of every process passes.
 *
 *     call ─ turns pass ─ (hangs) ─ numbered, traced ─ crash point? ─ fault? ─ effect ─ turns pass ─ answer
 *
 * The effect comes a seeded few turns after the call and the answer a turn after the effect, so
 * calls that do not wait for each other overtake each other, as in a thread pool.
 *
 * The rule: an effect is atomic and happens only in a process that lives; who dies waiting gets no
 * answer but SimCrash.
 */

import { deferred } from "./deferred.ts";
import type { FileSystemInfo } from "./index.ts";
import { SimClock } from "./sim-clock.ts";
import { SimCrash } from "./sim-crash.ts";
import { SimFaults, systemError } from "./sim-faults.ts";
import type { SimCall, SimFault, SimMutatingKind } from "./sim-faults.ts";
import { Prng } from "./prng.ts";
import type { AfterFailedSync, SimInode } from "./sim-inode.ts";
import type { PowerCutChoice } from "./sim-power-cut.ts";
import { SimTree } from "./sim-tree.ts";
import { SimTrace, type TraceLink } from "./sim-trace.ts";

const mutatingKinds: ReadonlySet<string> = new Set<SimMutatingKind>([
  "write",
  "sync",
  "truncate",
  "create",
  "link",
  "rename",
  "remove",
  "createFolder",
  "syncFolder",
]);

const unlimitedBytes = 2 ** 40;

/** What the machine must know of a process. */
export interface SimMember {
  readonly name: string;
  readonly isRunning: boolean;
  /** Ends it: its files close, its timers stop. */
  end(): void;
}

/** One call: what it is, and its effects. `isLost` asks for an effect that never becomes durable. */
export interface SimAction<T> {
  readonly call: Omit<SimCall, "number" | "process">;
  run(isLost: boolean): T;
  /** Of a write: the effect of its first bytes. */
  runPart?(sizeBytes: number): void;
  /** Of a sync that fails. */
  runFailed?(after: AfterFailedSync): void;
}

export interface SimMachineOptions {
  readonly seed: number;
  readonly startMs: number;
  readonly realTurns: boolean;
  readonly fileSystem: Pick<FileSystemInfo, "name" | "network">;
}

/** Everything that a fork of the disk needs. Opaque; never changes. */
export interface SimState {
  readonly tree: SimTree;
  readonly clock: readonly [number, number];
  readonly prngs: readonly number[];
  readonly callCount: number;
  readonly trace: TraceLink | undefined;
  readonly bootCount: number;
  readonly changeCount: number;
  readonly processCount: number;
}

export class SimMachine {
  tree = new SimTree();
  readonly clock: SimClock;
  readonly faults = new SimFaults();
  capacityBytes: number | undefined;
  readonly trace = new SimTrace();
  callCount = 0;
  bootCount = 1;
  crashPoint: { readonly call: number; readonly inside: boolean } | undefined;
  isCrashed = false;
  readonly members = new Set<SimMember>();
  readonly #realTurns: boolean;
  readonly #prngs: { readonly turns: Prng; readonly cuts: Prng; readonly ids: Prng };
  #changeCount = 0;
  #processCount = 0;
  readonly #fileSystem: SimMachineOptions["fileSystem"];
  #whenCrashed = deferred();

  constructor(options: SimMachineOptions) {
    const prng = new Prng(options.seed);
    this.clock = new SimClock(options.startMs);
    this.#realTurns = options.realTurns;
    this.#fileSystem = options.fileSystem;
    this.#prngs = {
      turns: prng.stream("turns"),
      cuts: prng.stream("cuts"),
      ids: prng.stream("ids"),
    };
  }

  get whenCrashed(): Promise<void> {
    return this.#whenCrashed.promise;
  }

  randomBytes(count: number): Uint8Array {
    return this.#prngs.ids.bytes(count);
  }

  /** Counts the processes from 1: they never share a number. */
  countProcess(): number {
    this.#processCount += 1;
    return this.#processCount;
  }

  fileSystem(): FileSystemInfo {
    const totalBytes = this.capacityBytes ?? unlimitedBytes;
    const freeBytes = Math.max(0, totalBytes - this.tree.usedBytes());
    return { ...this.#fileSystem, freeBytes, totalBytes };
  }

  /** The time of a change, different for each one, as nanoseconds of the simulated clock. */
  stamp(): string {
    this.#changeCount += 1;
    return `${this.clock.now()}${String(this.#changeCount % 1_000_000).padStart(6, "0")}`;
  }

  async perform<T>(member: SimMember, action: SimAction<T>): Promise<T> {
    assertRunning(member);
    await this.#turns();
    const hanging = this.faults.hanging(() => this.#describe(member, action));
    if (hanging) await hanging;
    const value = this.performNow(member, action);
    await this.#turns();
    assertRunning(member);
    return value;
  }

  performNow<T>(member: SimMember, action: SimAction<T>): T {
    assertRunning(member);
    const call = this.#describe(member, action);
    if (call.number !== undefined) {
      this.callCount = call.number;
      this.trace.push(call);
      if (this.crashPoint?.call === call.number) this.#crashAt(this.crashPoint.inside, action);
    }
    const fault = this.faults.take(call);
    if (fault?.effect === "fail") throw failure(call, action, fault);
    return action.run(fault?.effect === "lose");
  }

  /** Writes what fits, and throws ENOSPC for the rest. */
  write(
    inode: SimInode,
    path: string,
    bytes: Uint8Array,
    startBytes: number,
    isLost: boolean,
  ): void {
    const endBytes = startBytes + bytes.length;
    const growthBytes = Math.max(0, endBytes - inode.cached.sizeBytes);
    const freeBytes =
      this.capacityBytes === undefined || growthBytes === 0
        ? growthBytes
        : this.capacityBytes - this.tree.usedBytes();
    const lackBytes = Math.max(0, growthBytes - Math.max(0, freeBytes));
    // Copied, since the caller may use its memory again: `slice` of a Buffer would not copy.
    const fitting = new Uint8Array(bytes.subarray(0, Math.max(0, bytes.length - lackBytes)));
    if (fitting.length > 0) {
      this.tree.changeData(
        inode,
        { kind: "write", startBytes, bytes: fitting },
        this.stamp(),
        isLost,
      );
    }
    if (lackBytes > 0) throw systemError("ENOSPC", "write", path);
  }

  /** The power fails now: every process is gone, and nothing is decided yet about what survives. */
  crash(): void {
    this.isCrashed = true;
    this.crashPoint = undefined;
    for (const member of this.members) member.end();
    this.members.clear();
    this.#whenCrashed.resolve();
  }

  powerCut(choice: PowerCutChoice): void {
    this.crash();
    const seed = typeof choice === "object" ? choice.seed : undefined;
    this.tree.powerCut(choice, seed === undefined ? this.#prngs.cuts : new Prng(seed));
    this.bootCount += 1;
    this.#revive();
  }

  get state(): SimState {
    return {
      tree: this.tree.clone(),
      clock: this.clock.state,
      prngs: Object.values(this.#prngs).map(({ state }) => state),
      callCount: this.callCount,
      trace: this.trace.state,
      bootCount: this.bootCount,
      changeCount: this.#changeCount,
      processCount: this.#processCount,
    };
  }

  restore(state: SimState): void {
    this.crash();
    this.tree = state.tree.clone();
    this.clock.state = state.clock;
    for (const [at, prng] of Object.values(this.#prngs).entries()) {
      prng.state = state.prngs[at] ?? prng.state;
    }
    this.callCount = state.callCount;
    this.trace.state = state.trace;
    this.bootCount = state.bootCount;
    this.#changeCount = state.changeCount;
    this.#processCount = state.processCount;
    this.#revive();
  }

  #revive(): void {
    this.isCrashed = false;
    this.#whenCrashed = deferred();
  }

  #describe(member: SimMember, { call }: SimAction<unknown>): SimCall {
    const number = mutatingKinds.has(call.kind) ? this.callCount + 1 : undefined;
    return { ...call, number, process: member.name };
  }

  #crashAt(inside: boolean, action: SimAction<unknown>): never {
    const { call } = action;
    try {
      if (inside && action.runPart) {
        const sizeBytes = (call.endBytes ?? 0) - (call.startBytes ?? 0);
        action.runPart(this.#prngs.cuts.below(sizeBytes + 1));
      } else if (inside) action.run(false);
    } catch {
      // The answer that it would have been (a full disk, a name that is taken): nobody is left to hear it.
    }
    this.crash();
    throw new SimCrash(
      `the power failed ${inside ? "inside" : "before"} ${call.kind} ${call.path}`,
    );
  }

  async #turns(): Promise<void> {
    if (this.#realTurns) await new Promise((resolve) => setImmediate(resolve));
    for (let left = 1 + this.#prngs.turns.below(3); left > 0; left -= 1) await Promise.resolve();
  }
}

const assertRunning = (member: SimMember): void => {
  if (!member.isRunning) throw new SimCrash(`the process ${member.name} is dead`);
};

const failure = (call: SimCall, action: SimAction<unknown>, fault: SimFault): Error => {
  if (fault.partialBytes > 0) action.runPart?.(fault.partialBytes);
  action.runFailed?.(fault.afterSync);
  return systemError(fault.errno, call.kind, call.path);
};
