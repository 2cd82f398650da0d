/**
 * A contender: a store that appends records and says when each is on the disk.
 *
 *     open(dir, callers) ─> Writer ─ append(caller, payload) … ─ close
 *                                       └ resolves, or returns, once the record survives a power cut
 *
 * The rule: every contender is set up the fastest way that still keeps that promise. One that cannot keep
 * it says so in `weaker`, and every row that it is in repeats it.
 */
import type { Payload } from "./payload.ts";

export interface Writer {
  /** Records that one call of `append` stores; 1 where it is left out. */
  readonly recordsPerCall?: number;
  /** Nothing is awaited of a contender that works synchronously. */
  append(caller: number, payload: Payload): Promise<unknown> | void;
  close(): Promise<void> | void;
}

export interface Contender {
  readonly name: string;
  /** What it does not guarantee that ours does, in words. */
  readonly weaker?: string;
  /** `callers` is how many will call, each about an entity of its own. `dir` exists and is empty. */
  open(dir: string, callers: number): Promise<Writer>;
}

/** The id of a caller's entity: as long as the ids that orchestrators use. */
export const entityId = (index: number): string =>
  `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`;
