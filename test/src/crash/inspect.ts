/**
 * One disk after a crash, held against what every recovery promises:
 *
 *     cut ─ snapshots whole? ─ open ─ cut ─ open ─ append ─ cut ─ open ─ (close ─ snapshots whole?)
 *                                │           └ the same state, and nothing left to tell
 *                                └ a state, and a report without loss
 *
 * What the state must be is the explorer's to judge: it depends on when the crash was, this does not.
 * The rule: each broken promise is a Broken with a name, so that it can be said which promise killed a
 * planted bug.
 */
import type { RecoveryReport } from "taskwal";
import type { SimDisk } from "@taskwal/disk/sim";
import type { Dump, Expectation } from "./ledger.ts";
import { recordCrashPoints, type CrashPoint } from "./recording.ts";

/** A promise that did not hold; `invariant` is its name. */
export class Broken extends Error {
  override readonly name = "Broken";
  readonly invariant: string;

  constructor(invariant: string, details: string, cause?: unknown) {
    super(`${invariant}: ${details}`, { cause });
    this.invariant = invariant;
  }
}

/** The id of the entity that an inspection adds. */
export const probeId = "probe";

/** An open store, of whatever model. */
export interface Opened {
  readonly report: RecoveryReport;
  dump(): Dump;
  digest(): string;
  /** One more acknowledged operation; returns the dump line that it adds. */
  append(tag: string): Promise<string>;
  close(): Promise<void>;
}

export interface Subject {
  open(sim: SimDisk): Promise<Opened>;
  /** Throws Broken if state.json or a backup is not what it must be. */
  checkSnapshots(sim: SimDisk, by: Author): void;
}

/** Who wrote what stands on a disk: only the run that was recorded, or recoveries too, and what they may have reached. */
export type Author = "run" | Expectation;

export interface Inspection {
  /** What the first opening recovered. */
  readonly dump: Dump;
  readonly torn: boolean;
  /** Crash points inside the first opening, if they were asked for. */
  readonly inside: readonly CrashPoint[];
}

const opened = async (sim: SimDisk, subject: Subject, which: string): Promise<Opened> => {
  try {
    return await subject.open(sim);
  } catch (error) {
    throw new Broken("a crashed store opens", `${which}: ${String(error)}`, error);
  }
};

const assertLossless = ({ report }: Opened): void => {
  const { lost, damaged, skipped, notes, quarantined, torn } = report;
  if (lost.length > 0) throw new Broken("a crash loses nothing acknowledged", report.toText());
  if (damaged.length > 0) throw new Broken("a crash damages nothing", report.toText());
  if (skipped.length > 0)
    throw new Broken("every snapshot verifies at every instant", report.toText());
  if (notes.length > 0 || quarantined.length !== torn.length) {
    throw new Broken("the report tells of torn bytes only", report.toText());
  }
};

const assertClean = ({ report }: Opened, which: string): void => {
  if (report.clean) return;
  throw new Broken("the second opening finds nothing to repair", `${which}: ${report.toText()}`);
};

const assertSame = (found: Dump, expected: Dump, which: string): void => {
  if (found === expected) return;
  throw new Broken(
    "every opening recovers the same state",
    `${which}:\n${found}\n-- not --\n${expected}`,
  );
};

export interface InspectOptions {
  /** Who wrote the disk. */
  readonly by: Author;
  /** What the recoveries may reach. */
  readonly expectation: Expectation;
  /** Appends at the second opening, and opens a third time. */
  readonly alsoAppend: boolean;
  /** Closes the store at the end, which takes a snapshot. */
  readonly alsoClose: boolean;
  /** Keeps the crash points inside the first opening. */
  readonly alsoInside: boolean;
}

/** Opens the disk as it stands two or three times; leaves it changed. */
export const inspect = async (
  sim: SimDisk,
  subject: Subject,
  { by, expectation, alsoAppend, alsoClose, alsoInside }: InspectOptions,
): Promise<Inspection> => {
  subject.checkSnapshots(sim, by);
  const recorder = alsoInside ? recordCrashPoints(sim, "recovery", () => 0) : undefined;
  const first = await opened(sim, subject, "first opening").finally(() => recorder?.stop());
  assertLossless(first);
  const dump = first.dump();
  const digest = first.digest();
  sim.powerCut("none");
  const second = await opened(sim, subject, "second opening");
  assertClean(second, "second opening");
  assertSame(second.dump(), dump, "second opening");
  if (second.digest() !== digest) {
    throw new Broken("every opening recovers the same state", "the digests differ");
  }
  let last = second;
  if (alsoAppend) {
    const line = await second.append("after recovery");
    sim.powerCut("none");
    last = await opened(sim, subject, "third opening");
    assertClean(last, "third opening");
    const expected = [...dump.split("\n").filter(Boolean), line].toSorted().join("\n");
    assertSame(last.dump(), expected, "third opening, after an append");
  }
  if (alsoClose) {
    await last.close();
    subject.checkSnapshots(sim, expectation);
  }
  return { dump, torn: first.report.torn.length > 0, inside: recorder?.points ?? [] };
};
