/**
 * Faults to come: which calls of a simulated disk fail, lie or hang.
 *
 *     fail  ─> the call answers with an errno (a write after some of its bytes)
 *     lose  ─> the call answers well, everybody sees it, and it never becomes durable
 *     hang  ─> the call has no effect and no answer until it is released
 *
 * The rule: a fault is consulted just before its call would take effect, and the oldest that matches
 * wins.
 */

import { deferred } from "./deferred.ts";
import type { AfterFailedSync } from "./sim-inode.ts";

/** Calls that change the disk: they are numbered, traced, and places for a crash. */
export type SimMutatingKind =
  | "write"
  | "sync"
  | "truncate"
  | "create"
  | "link"
  | "rename"
  | "remove"
  | "createFolder"
  | "syncFolder";

/** Calls that only look: faults reach them, crashes do not. */
export type SimReadingKind =
  | "openDirectory"
  | "open"
  | "read"
  | "stat"
  | "list"
  | "lock"
  | "fileSystem"
  | "access";

export interface SimCall {
  /** 1 for the first mutating call of the disk; undefined for a call that only looks. */
  readonly number: number | undefined;
  readonly kind: SimMutatingKind | SimReadingKind;
  /** Absolute: "/state/wal/HEAD". */
  readonly path: string;
  /** The new name, of a link or a rename. */
  readonly to?: string;
  /** Half-open range, of a read or a write. */
  readonly startBytes?: number;
  readonly endBytes?: number;
  /** The new size, of a truncate. */
  readonly sizeBytes?: number;
  /** The name of the process. */
  readonly process: string;
}

/** The number of a mutating call, or what the calls have in common. */
export type SimFaultPlace = number | ((call: SimCall) => boolean);

export interface SimFaultOptions {
  /** How many matching calls fail (default 1). A number as place, with "forever", means it and all after it. */
  readonly times?: number | "forever";
  /** How many bytes a failing write still writes. Default 0. */
  readonly partialBytes?: number;
  /** What a failing sync leaves. Default "clean". For a folder "revert" acts as "clean". */
  readonly afterSync?: AfterFailedSync;
}

export interface SimFault {
  readonly effect: "fail" | "lose";
  readonly errno: string;
  readonly partialBytes: number;
  readonly afterSync: AfterFailedSync;
}

interface Rule {
  readonly place: SimFaultPlace;
  readonly isLasting: boolean;
  readonly fault: SimFault;
  left: number;
}

interface Hang {
  readonly place: SimFaultPlace;
  readonly released: Promise<void>;
}

const isAt = (place: SimFaultPlace, call: SimCall, isLasting: boolean): boolean => {
  if (typeof place === "function") return place(call);
  if (call.number === undefined) return false;
  return isLasting ? call.number >= place : call.number === place;
};

export class SimFaults {
  #rules: Rule[] = [];
  #hangs: Hang[] = [];

  /** Returns the repair: it takes the fault away. */
  add(
    effect: SimFault["effect"],
    place: SimFaultPlace,
    errno: string,
    options: SimFaultOptions = {},
  ): () => void {
    const { times = 1, partialBytes = 0, afterSync = "clean" } = options;
    const isLasting = times === "forever";
    const rule: Rule = {
      place,
      isLasting,
      fault: { effect, errno, partialBytes, afterSync },
      left: isLasting ? Number.POSITIVE_INFINITY : times,
    };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((one) => one !== rule);
    };
  }

  /** Returns the release: calls that hang go on, and later ones do not hang. */
  hang(place: SimFaultPlace): () => void {
    const { promise, resolve } = deferred();
    const hang: Hang = { place, released: promise };
    this.#hangs.push(hang);
    return () => {
      this.#hangs = this.#hangs.filter((one) => one !== hang);
      resolve();
    };
  }

  clear(): void {
    this.#rules = [];
  }

  /** The fault of this call, counted as used. */
  take(call: SimCall): SimFault | undefined {
    const rule = this.#rules.find((one) => one.left > 0 && isAt(one.place, call, one.isLasting));
    if (!rule) return undefined;
    rule.left -= 1;
    return rule.fault;
  }

  /** What the call must wait for. Most disks hang nowhere: then nobody asks what call it is. */
  hanging(describe: () => SimCall): Promise<void> | undefined {
    if (this.#hangs.length === 0) return undefined;
    const call = describe();
    return this.#hangs.find(({ place }) => isAt(place, call, false))?.released;
  }
}

/** An error as the operating system gives it. */
export const systemError = (errno: string, call: string, path: string): Error =>
  Object.assign(new Error(`${errno}: simulated, ${call} '${path}'`), {
    code: errno,
    syscall: call,
    path,
  });
