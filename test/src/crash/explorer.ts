/**
 * Goes through the crash points of a run, and through those of the recoveries from them.
 *
 *     point ─ choice of what survived ─> disk ─ seen before? ─no─> inspect ─ its points, one level deeper
 *                                         └ yes: the same disk recovers the same, judge that again
 *
 * The rule: what a recovery reached is judged against the ledger at the crash point: never less than
 * was acknowledged, never anything but a prefix of what was issued, never what was refused.
 */
import { createHash } from "node:crypto";
import type { PowerCutChoice, SimDisk } from "@taskwal/disk/sim";
import { Broken, inspect, type Inspection, type Subject } from "./inspect.ts";
import { judge } from "./judge.ts";
import type { Dump, Expectation, Ledger } from "./ledger.ts";
import { RecoveredDisks } from "./recovered.ts";
import type { CrashPoint } from "./recording.ts";

/** "kill": the process alone dies; what it wrote stays in the page cache, synced or not. */
type Cut = PowerCutChoice | "kill";

export interface ExploreOptions {
  readonly ledger: Ledger;
  readonly subject: Subject;
  /** Choices of what survives at each point; they take turns. */
  readonly cutsPerPoint: number;
  /** Where no more than so many writes and names are unsynced, every subset of them survives once (default 0). */
  readonly subsetsOfMax?: number;
  /** Every so-many-th recovery is crashed again inside, at each of its calls; then those in it, … */
  readonly nestedStrides: readonly number[];
  /** Every so-many-th recovery is appended to and opened a third time. */
  readonly appendStride: number;
  readonly seed: number;
  /** What other runs recovered, and where it is noted what this one does. Default: nothing yet. */
  readonly recovered?: RecoveredDisks;
  /** Told the fingerprint of every disk that is recovered from; returns whether no other run had it. */
  readonly see?: (hash: Uint8Array) => boolean;
  /** Told how many disks there were so far. */
  readonly progress?: (disks: number) => void;
}

export interface Findings {
  /** Crash points of the workload, and disks that they were made into. */
  points: number;
  disks: number;
  /** Disks that were not known to recover: each is opened two or three times. */
  distinct: number;
  /** Crashes inside recoveries, by depth from 2 on. */
  readonly nested: number[];
  /** Disks that crashes inside recoveries left, and `see` said were new. */
  distinctNested: number;
  torn: number;
  readonly kinds: Map<string, number>;
  readonly phases: Map<string, number>;
}

const count = (map: Map<string, number>, key: string): void => {
  map.set(key, (map.get(key) ?? 0) + 1);
};

const describe = ({ call, phase }: CrashPoint, cut: Cut): string =>
  `before call ${call.number} (${call.kind} ${call.path}, ${phase}), ${nameOf(cut)}`;

const nameOf = (cut: Cut): string =>
  typeof cut === "string"
    ? cut
    : JSON.stringify(cut, (_, value: unknown) => (typeof value === "function" ? "by hand" : value));

const torn = (): "tear" => "tear";

export class Explorer {
  readonly findings: Findings = {
    points: 0,
    disks: 0,
    distinct: 0,
    nested: [],
    distinctNested: 0,
    torn: 0,
    kinds: new Map(),
    phases: new Map(),
  };
  readonly #sim: SimDisk;
  readonly #options: ExploreOptions;
  /** Recoveries that were looked at, by depth. */
  readonly #recovered: number[] = [];
  readonly #known: RecoveredDisks;

  constructor(sim: SimDisk, options: ExploreOptions) {
    this.#sim = sim;
    this.#options = options;
    this.#known = options.recovered ?? new RecoveredDisks();
  }

  /** Throws Broken, with the crash that it takes to see it again. */
  async explore(
    points: readonly CrashPoint[],
    isWanted: (point: CrashPoint, index: number) => boolean = () => true,
  ): Promise<Findings> {
    for (const [index, point] of points.entries()) {
      if (!isWanted(point, index)) continue;
      this.findings.points += 1;
      count(this.findings.kinds, point.call.kind);
      count(this.findings.phases, point.phase);
      const cuts = this.#allSubsets(point) ?? this.#cuts(index);
      for (const cut of cuts) await this.#one(point, cut);
      const after = points[index + 1];
      if (after && point.call.kind === "write") await this.#insideWrite(point, after, index);
    }
    return this.findings;
  }

  /** Every subset of what is unsynced, and the page cache; undefined if there are too many. */
  #allSubsets(point: CrashPoint): Cut[] | undefined {
    const { subsetsOfMax = 0 } = this.#options;
    this.#sim.restore(point.state);
    const { length } = this.#sim.unsynced();
    if (length > subsetsOfMax) return undefined;
    const subsets = Array.from({ length: 2 ** length }, (_, kept): Cut => {
      const isKept = (index: number): boolean => (kept & (1 << index)) !== 0;
      return {
        writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
        names: ({ index }) => isKept(index),
      };
    });
    return [...subsets, "kill"];
  }

  /** Nothing unsynced survives at each point; the other choices take turns from point to point. */
  #cuts(index: number): Cut[] {
    const seed = this.#options.seed * 1_000_003 + index;
    const any = { size: "random", newBytes: "random" } as const;
    const others: Cut[] = [
      "all",
      "kill",
      { writes: "none", names: "all" },
      { writes: "random", names: "subset", sectorBytes: 1, seed, ...any },
      { writes: "all", names: "none" },
      { writes: torn, names: "prefix", sectorBytes: 512, seed, ...any },
      { writes: "random", names: "prefix", sectorBytes: 512, seed: seed + 1, ...any },
      { writes: torn, names: "subset", sectorBytes: 1, seed, ...any },
      { writes: "all", names: "subset", seed },
      { writes: "random", names: "all", sectorBytes: 4_096, seed: seed + 2, ...any },
    ];
    const count = Math.min(others.length, Math.max(0, this.#options.cutsPerPoint - 1));
    const turns = Array.from(
      { length: count },
      (_, at) => others[(index * count + at) % others.length],
    );
    return ["none", ...turns.flatMap((cut) => cut ?? [])];
  }

  /** The power fails in the middle of the write: some of its bytes arrive, or some of its sectors. */
  async #insideWrite(point: CrashPoint, after: CrashPoint, index: number): Promise<void> {
    const torn = { ...after, call: point.call, phase: point.phase, mark: point.mark };
    const seed = this.#options.seed + (point.call.number ?? 0);
    const sizes = this.#options.cutsPerPoint > 3 ? [1, 512] : [index % 2 === 0 ? 1 : 512];
    for (const sectorBytes of sizes) {
      this.#sim.restore(after.state);
      const last = this.#sim.unsynced().findLast(({ kind }) => kind === "write")?.index;
      await this.#one(torn, {
        writes: ({ index: at }) => (at === last ? "tear" : "keep"),
        names: "all",
        sectorBytes,
        seed,
      });
    }
  }

  async #one(point: CrashPoint, cut: Cut): Promise<void> {
    const { ledger } = this.#options;
    const afterPower = ledger.expectation(point.mark, "power");
    try {
      const dump = await this.#recover(point, cut, 1, afterPower);
      judge(dump, cut === "kill" ? ledger.expectation(point.mark, "process") : afterPower);
    } catch (error) {
      throw located(error, describe(point, cut));
    }
  }

  /** Returns what the disk recovers to. */
  async #recover(
    point: CrashPoint,
    cut: Cut,
    depth: number,
    afterPower: Expectation,
  ): Promise<Dump> {
    const sim = this.#sim;
    const { subject, appendStride } = this.#options;
    sim.restore(point.state);
    if (cut !== "kill") sim.powerCut(cut);
    const hash = this.#count(depth);
    const by = depth === 1 ? "run" : afterPower;
    const known = cut === "kill" ? undefined : this.#known.dumpOf(hash);
    if (known !== undefined) {
      subject.checkSnapshots(sim, by);
      return known;
    }
    const { distinct } = this.findings;
    this.findings.distinct += 1;
    const alsoInside = this.#isTurnOf(depth);
    const inspection = await inspect(sim, subject, {
      by,
      expectation: afterPower,
      alsoAppend: distinct % appendStride === 0,
      alsoClose: distinct % 8 === 0,
      alsoInside,
    });
    if (inspection.torn) this.findings.torn += 1;
    if (cut !== "kill") this.#known.add(hash, inspection.dump);
    if (alsoInside) await this.#crashInside(inspection, cut, depth + 1, afterPower);
    return inspection.dump;
  }

  /** Counts the disk as it stands; returns its fingerprint. */
  #count(depth: number): Buffer {
    const hash = fingerprint(this.#sim);
    this.findings.disks += 1;
    if (this.#options.see?.(hash) === true && depth > 1) this.findings.distinctNested += 1;
    if (this.findings.disks % 256 === 0) this.#options.progress?.(this.findings.disks);
    return hash;
  }

  #isTurnOf(depth: number): boolean {
    const stride = this.#options.nestedStrides[depth - 1];
    const count = (this.#recovered[depth - 1] ?? 0) + 1;
    this.#recovered[depth - 1] = count;
    return stride !== undefined && count % stride === 0;
  }

  /** The power fails again, at each call of the recovery. */
  async #crashInside(
    { inside, dump }: Inspection,
    outer: Cut,
    depth: number,
    afterPower: Expectation,
  ): Promise<void> {
    for (const point of inside) {
      const nested = this.findings.nested;
      nested[depth - 2] = (nested[depth - 2] ?? 0) + 1;
      count(this.findings.phases, "recovery");
      const seed = (point.call.number ?? 0) + depth;
      const cuts: Cut[] = ["none", { writes: "random", names: "subset", sectorBytes: 1, seed }];
      for (const cut of cuts) {
        try {
          const again = await this.#recover(point, cut, depth, afterPower);
          // What only a page cache held may be gone until an opening has made it durable.
          if (outer === "kill") judge(again, afterPower);
          else if (again !== dump) {
            throw new Broken(
              "a recovery that crashed recovers the same",
              `${again}\n-- not --\n${dump}`,
            );
          }
        } catch (error) {
          throw located(error, `and again inside that recovery ${describe(point, cut)}`);
        }
      }
    }
  }
}

const located = (error: unknown, where: string): unknown =>
  error instanceof Broken
    ? new Broken(error.invariant, `${where}\n${error.message}`, error.cause)
    : new Error(`${where}: ${String(error)}`, { cause: error });

/** Of everything that a recovery can read: names, links, bytes. */
export const fingerprint = (sim: SimDisk): Buffer => {
  const hash = createHash("sha1");
  for (const path of sim.listRaw()) {
    const bytes = sim.readRaw(path);
    hash.update(`${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest();
};
