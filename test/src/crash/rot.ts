/**
 * One bad bit on an otherwise whole disk: what rot may cost, and what it may not.
 *
 *     log        |·|·|X|·|·|·|      one operation is lost, and told; what stands behind it is kept
 *     snapshot   X  b b b b b       nothing is lost: the next one and the log lead to the same state
 *
 * The rule: exhaustive over the places, one at a time; the state that is found is compared with the
 * state of a world in which that one operation never was.
 */
import type { SimDisk, SimState } from "@taskwal/disk/sim";
import { Broken, type Opened, type Subject } from "./inspect.ts";
import { withoutVersions, type Ledger } from "./ledger.ts";

const openDamaged = async (sim: SimDisk, subject: Subject, where: string): Promise<Opened> => {
  try {
    return await subject.open(sim);
  } catch (error) {
    throw new Broken("a store with one bad bit opens", `${where}: ${String(error)}`, error);
  }
};

const isSegment = (path: string): boolean => path.endsWith(".jsonl");

/** Flips a bit in every `strideBytes`-th byte of every segment. Returns how many it flipped, and how many cost something. */
export const rotLog = async (
  sim: SimDisk,
  {
    end,
    ledger,
    subject,
    strideBytes,
  }: {
    readonly end: SimState;
    readonly ledger: Ledger;
    readonly subject: Subject;
    readonly strideBytes: number;
  },
): Promise<{ readonly flips: number; readonly costly: number }> => {
  const whole = ledger.finalValuesWithout(undefined);
  const withoutOne = new Set(ledger.operations.map((_, at) => ledger.finalValuesWithout(at)));
  sim.restore(end);
  sim.powerCut("none");
  const durable = sim.snapshotState();
  let flips = 0;
  let costly = 0;
  for (const path of sim.listRaw().filter(isSegment)) {
    sim.restore(durable);
    const { length } = sim.readRaw(path);
    for (let at = 0; at < length; at += strideBytes) {
      sim.restore(durable);
      sim.flipBit(path, at * 8 + (at % 8));
      flips += 1;
      const where = `bit ${at % 8} of byte ${at} of ${path}`;
      const opened = await openDamaged(sim, subject, where);
      const found = withoutVersions(opened.dump());
      if (found === whole) continue;
      costly += 1;
      if (!withoutOne.has(found)) {
        throw new Broken(
          "one bad bit costs at most the operation that it hit",
          `${where}: ${opened.report.toText()}\n${found}\n-- not --\n${whole}`,
        );
      }
      if (opened.report.lost.length === 0) {
        throw new Broken("what is lost is told", `${where}: ${opened.report.toText()}`);
      }
    }
  }
  return { flips, costly };
};

const sequenceOf = (backup: string): number => Number(/-(\d+)\.json$/.exec(backup)?.[1]);

const snapshotPaths = (sim: SimDisk): string[] => {
  const backups = sim.listRaw().filter((path) => path.includes("/state.backup."));
  backups.sort((a, b) => sequenceOf(b) - sequenceOf(a));
  return ["/state/state.json", ...backups];
};

/** Damages the newest snapshot, then the two newest, and so on: all but the oldest. Returns how many openings. */
export const rotSnapshots = async (
  sim: SimDisk,
  { state, subject }: { readonly state: SimState; readonly subject: Subject },
): Promise<number> => {
  sim.restore(state);
  sim.powerCut("all");
  const paths = snapshotPaths(sim);
  const expected = (await openDamaged(sim, subject, "nowhere")).dump();
  for (let count = 1; count < paths.length; count += 1) {
    sim.restore(state);
    sim.powerCut("all");
    const whole = paths.slice(0, count).map((path) => [path, sim.readRaw(path)] as const);
    for (const [path, bytes] of whole) {
      // state.json and a backup may be one file: flipping the bit twice would heal it.
      if (sim.readRaw(path).every((byte, at) => byte === bytes[at]))
        sim.flipBit(path, bytes.length * 4);
    }
    const where = `the newest ${count} of ${paths.length} snapshots`;
    const { report, ...opened } = await openDamaged(sim, subject, where);
    if (opened.dump() !== expected || report.lost.length > 0) {
      throw new Broken("any snapshot leads to the last record", `${where}: ${report.toText()}`);
    }
    if (report.skipped.length === 0) {
      throw new Broken("a bad snapshot is told", `${where}: ${report.toText()}`);
    }
  }
  return Math.max(0, paths.length - 1);
};
