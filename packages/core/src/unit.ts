/**
 * A unit of the commit queue: what is written as a whole, and how it becomes records.
 *
 * The rule: all or nothing, so the members of a transaction are numbered, and stand in one batch.
 */
import type { LogEntry } from "@taskwal/log";
import type { Prepared } from "./prepare.ts";

/** One call of `mutate` or `transact`: written as a whole. */
export interface Unit {
  /** What is staged of it. */
  changes: readonly Prepared[];
  /** Stages it on the ground as it is now, which may come to other changes. Throws with nothing staged. */
  readonly restage: () => readonly Prepared[];
  readonly durability: "synced" | "written";
  /** Bytes that it holds of the queue. */
  readonly bytes: number;
  /** Its records' common facts, if there are any: actor, cause, key, trace. */
  readonly facts: Partial<Prepared["draft"]> | undefined;
  /** Told once it is visible, with the sequence of its first record. */
  committed(first: number): void;
  failed(error: unknown): void;
}

/** A unit's records: its members numbered, its facts on the first of them. */
export const entriesOf = ({ changes, facts }: Unit): readonly LogEntry[] => {
  // By far the most: a change is an entry as it stands.
  if (changes.length === 1 && !facts) return changes;
  return changes.map(({ draft, dataJson }, index) => {
    const numbered: LogEntry["draft"] =
      changes.length === 1 ? draft : { ...draft, tx: [index + 1, changes.length] };
    return { dataJson, draft: index === 0 ? { ...numbered, ...facts } : numbered };
  });
};
