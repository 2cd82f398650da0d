/**
 * The whole campaign against one engine: run the workload once, crash it everywhere, let it rot.
 *
 *     begin ─┬─ crashes()    every call of the run, and of the recoveries
 *            └─ rot()        every byte of the log, every snapshot
 *
 * The rule: it ends with what it did, counted, or with the first Broken. A store that answers wrong or
 * gives up before any crash is Broken too.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { Explorer, type ExploreOptions, type Findings } from "./explorer.ts";
import { Broken, type Subject } from "./inspect.ts";
import type { Engine } from "./note-store.ts";
import { noteSubject } from "./note-subject.ts";
import { rotLog, rotSnapshots } from "./rot.ts";
import { startWorkload, WrongAnswer, type Run } from "./workload.ts";

export interface CampaignOptions extends Omit<ExploreOptions, "ledger" | "subject"> {
  /** Of the disk that the workload runs on (default `seed`): ids and so the bytes of every file follow from it. */
  readonly diskSeed?: number;
  /** Only every so-many-th crash point, and the first of them (default 0). */
  readonly pointStride: number;
  readonly pointOffset?: number;
  /** Only crash points of these phases. Default: all. */
  readonly phases?: readonly string[];
  readonly rotStrideBytes: number;
}

export interface Rot {
  readonly flips: number;
  /** Flips that cost an operation. */
  readonly costly: number;
  /** Openings from an older snapshot. */
  readonly fallbacks: number;
}

const runOf = async (engine: Engine, seed: number): Promise<Run> => {
  try {
    return await startWorkload(engine, createSimDisk({ seed })).done;
  } catch (error) {
    const name =
      error instanceof WrongAnswer
        ? "every answer is right"
        : "a store goes on where it promised to";
    throw new Broken(name, String(error), error);
  }
};

/** One engine, one run of the workload, as many ways to harm it as are asked for. */
export class Campaign {
  readonly run: Run;
  readonly subject: Subject;
  readonly #options: CampaignOptions;
  readonly #sim: SimDisk;

  private constructor(run: Run, engine: Engine, options: CampaignOptions) {
    this.run = run;
    this.#options = options;
    this.subject = noteSubject(engine, run.ledger);
    this.#sim = createSimDisk({ seed: options.seed + 1 });
  }

  static async begin(engine: Engine, options: CampaignOptions): Promise<Campaign> {
    return new Campaign(await runOf(engine, options.diskSeed ?? options.seed), engine, options);
  }

  async crashes(): Promise<Findings> {
    const { phases, pointStride, pointOffset = 0 } = this.#options;
    const { ledger, points } = this.run;
    const explorer = new Explorer(this.#sim, { ...this.#options, ledger, subject: this.subject });
    return explorer.explore(
      points,
      ({ phase }, index) =>
        index % pointStride === pointOffset && (phases?.includes(phase) ?? true),
    );
  }

  async rot(): Promise<Rot> {
    const { ledger, points, end } = this.run;
    const subject = this.subject;
    const strideBytes = this.#options.rotStrideBytes;
    const log = await rotLog(this.#sim, { end, ledger, subject, strideBytes });
    let fallbacks = await rotSnapshots(this.#sim, { state: end, subject });
    const saved = points.filter(
      ({ call, phase }) => phase === "prune" || call.to === "/state/state.json",
    );
    for (const { state } of saved.filter((_, at) => at % 6 === 5)) {
      fallbacks += await rotSnapshots(this.#sim, { state, subject });
    }
    return { ...log, fallbacks };
  }
}
