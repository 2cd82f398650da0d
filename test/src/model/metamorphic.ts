/**
 * The same mutations under other circumstances: the digest and the entities must be the same.
 *
 *     mutations ─┬─ awaited one by one, nothing else                       ─> digest
 *                ├─ small segments, batches, snapshots, closes, crashes    ─> the same
 *                └─ …                                                      ─> the same
 *
 * The rule: nothing of a circumstance may be refused or lost: a crash comes only after a flush. What the
 * entities must be is also reckoned on plain maps, so that all cannot be wrong alike.
 */
import {
  createSimDisk,
  Prng,
  type PowerCutChoice,
  type SimDisk,
  type SimProcess,
} from "@taskwal/disk/sim";
import { fingerprint } from "../crash/explorer.ts";
import { Broken } from "../crash/inspect.ts";
import { dumpItems, type Change, type Dump, type Items } from "../crash/ledger.ts";
import {
  call,
  dumpNotes,
  openNotes,
  type Engine,
  type NoteOptions,
  type NoteStore,
} from "../crash/note-store.ts";
import { settle } from "../crash/recording.ts";
import { fitting, type Part } from "./acts.ts";
import { evaluate, type Asked } from "./asked.ts";
import { noteIds } from "./bench.ts";

/** One call that is not refused, on the state that those before it leave. */
export type Mutations = readonly (readonly Change[])[];

export interface Plan {
  readonly mutations: Mutations;
  readonly dump: Dump;
}

const verbs = ["create", "rename", "line", "line", "line", "add", "delete"] as const;

export const drawPlan = (prng: Prng, count: number): Plan => {
  let items: Items = new Map();
  const mutations: Change[][] = [];
  let tag = 0;
  const draw = (): Change => {
    tag += 1;
    const part = {
      verb: prng.pick<Part["verb"]>(verbs),
      which: prng.below(4),
      size: prng.pick([0, 1, 3, 8, 40]),
      isExact: false,
    };
    const change = fitting(part, tag, items);
    const evaluation = evaluate(items, { changes: [change], expected: "any" });
    if (!evaluation.ok) throw new Error(`refused: ${JSON.stringify(change)}`);
    ({ items } = evaluation);
    return change;
  };
  while (mutations.length < count) {
    const size = prng.below(5) === 0 ? 2 + prng.below(3) : 1;
    mutations.push(Array.from({ length: size }, draw));
  }
  return { mutations, dump: dumpItems(items) };
};

const disturbances = [
  "snapshot",
  "snapshot beside",
  "compact",
  "close",
  "reopen",
  "kill",
  "power cut",
  "flush",
  "flushSync",
  "time",
] as const;

export interface Circumstances {
  readonly options: NoteOptions;
  readonly mirrors: boolean;
  /** How many calls are made before one is awaited. */
  readonly atOnce: number;
  /** One call in so many is only "written"; 0: none. */
  readonly writtenEvery: number;
  /** Something happens after one call in so many; 0: never. */
  readonly disturbedEvery: number;
  readonly seed: number;
}

export const plain: Circumstances = {
  options: { autosaveMs: Number.POSITIVE_INFINITY, segmentBytesMax: 1_000_000 },
  mirrors: false,
  atOnce: 1,
  writtenEvery: 0,
  disturbedEvery: 0,
  seed: 1,
};

export const drawCircumstances = (prng: Prng): Circumstances => ({
  options: {
    segmentBytesMax: prng.pick([500, 1_000, 3_000, 1_000_000]),
    autosaveMs: prng.pick([100, 1_000, 30_000, Number.POSITIVE_INFINITY]),
    historyBytesMax: prng.pick([0, 2_000, 1_000_000]),
    historyFilesMax: prng.pick([0, 2, 1_000]),
  },
  mirrors: prng.below(2) === 1,
  atOnce: prng.pick([1, 2, 5, 1_000]),
  writtenEvery: prng.pick([0, 1, 2, 5]),
  disturbedEvery: prng.pick([0, 3, 8, 20]),
  seed: prng.below(1_000_000),
});

export interface Outcome {
  readonly digest: string;
  readonly dump: Dump;
  readonly sim: SimDisk;
}

class Run {
  readonly sim: SimDisk;
  readonly #engine: Engine;
  readonly #under: Circumstances;
  readonly #prng: Prng;
  readonly #count: (what: string) => void;
  #process: SimProcess | undefined;
  #store: NoteStore | undefined;
  /** Calls under way. */
  #open: Promise<unknown>[] = [];

  constructor(engine: Engine, under: Circumstances, count: (what: string) => void) {
    this.#engine = engine;
    this.#under = under;
    this.#count = count;
    this.sim = createSimDisk({ seed: under.seed });
    this.#prng = new Prng(under.seed);
  }

  get store(): NoteStore {
    if (!this.#store) throw new Error("the store is not open");
    return this.#store;
  }

  async open(): Promise<void> {
    this.#process = this.sim.process();
    const { mirrors, options } = this.#under;
    this.#store = await openNotes(this.#engine, this.#process, mirrors, options);
    const { lost, damaged, skipped, notes } = this.store.recovery;
    if (lost.length + damaged.length + skipped.length + notes.length > 0)
      throw new Broken(
        "I3 nothing is lost where nothing was damaged",
        this.store.recovery.toText(),
      );
  }

  async make(changes: readonly Change[]): Promise<void> {
    const { writtenEvery, atOnce, disturbedEvery } = this.#under;
    const isWritten = writtenEvery > 0 && this.#prng.below(writtenEvery) === 0;
    const durability: Asked["durability"] = isWritten ? "written" : "synced";
    const { store } = this;
    const [only] = changes;
    this.#open.push(
      changes.length === 1 && only
        ? (call(store, only, { durability }) as Promise<unknown>)
        : store.transact((tx) => changes.map((change) => call(tx, change)), { durability }),
    );
    if (this.#open.length >= atOnce) await this.#answers();
    if (disturbedEvery > 0 && this.#prng.below(disturbedEvery) === 0) await this.#disturb();
  }

  async #answers(): Promise<void> {
    await Promise.all(this.#open.splice(0));
  }

  async #disturb(): Promise<void> {
    const what = this.#prng.pick(disturbances);
    this.#count(what);
    switch (what) {
      case "snapshot":
      case "compact":
      case "flush":
        await this.store[what]();
        return;
      case "snapshot beside":
        this.#open.push(this.store.snapshot());
        return;
      case "close":
        await this.store.close();
        await this.#answers();
        return this.open();
      case "reopen":
        await this.store.reopen();
        await this.#answers();
        return;
      case "kill":
      case "power cut":
        return this.#crash(what);
      case "flushSync":
        return this.#flushNow();
      case "time":
        await this.#answers();
        this.sim.clock.advance(this.#prng.pick([60, 1_100, 31_000]));
        await settle(this.sim);
    }
  }

  async #flushNow(): Promise<void> {
    try {
      this.store.flushSync();
    } catch (error) {
      // Refused while a segment is being started, with nothing changed.
      if ((error as { outcome?: string }).outcome !== "not-written") throw error;
    }
  }

  /** After a flush nothing may be gone, whatever the power takes. */
  async #crash(what: "kill" | "power cut"): Promise<void> {
    await this.#answers();
    await this.store.flush();
    this.#process?.kill();
    const cut = this.#prng.pick<PowerCutChoice>(["none", "all", "random"]);
    if (what === "power cut") this.sim.powerCut(cut);
    await this.open();
  }

  /** What an opening after a clean end shows. */
  async end(): Promise<Outcome> {
    await this.#answers();
    const digest = this.store.digest();
    await this.store.close();
    await this.open();
    if (this.store.digest() !== digest)
      throw new Broken("I16 the digest of a reopened store is the same", digest);
    const dump = dumpNotes(this.store, noteIds);
    this.#process?.kill();
    return { digest, dump, sim: this.sim };
  }
}

const runUnder = async (
  engine: Engine,
  { mutations }: Plan,
  under: Circumstances,
  count: (what: string) => void,
): Promise<Outcome> => {
  const run = new Run(engine, under, count);
  await run.open();
  for (const changes of mutations) await run.make(changes);
  return run.end();
};

export interface MetamorphicOptions {
  readonly engine: Engine;
  readonly seed: number;
  /** Lists of mutations, and circumstances for each. */
  readonly plans: number;
  readonly variants: number;
  readonly see?: (hash: Uint8Array) => void;
  readonly progress?: (trials: number) => void;
  readonly count?: (what: string) => void;
}

/** Throws Broken, with the plan and the circumstances, if any outcome differs. */
export const runMetamorphic = async (options: MetamorphicOptions): Promise<number> => {
  const { engine, seed, plans, variants, see, progress, count = () => {} } = options;
  const prng = new Prng(seed);
  let trials = 0;
  for (let plan = 0; plan < plans; plan += 1) {
    const drawn = drawPlan(prng, 5 + prng.below(40));
    const first = await runUnder(engine, drawn, plain, count);
    for (let variant = 0; variant < variants; variant += 1) {
      const under = drawCircumstances(prng);
      const where = `seed ${seed}, plan ${plan}, variant ${variant}: ${JSON.stringify(under)}`;
      const { digest, dump, sim } = await runUnder(engine, drawn, under, count).catch(
        (error: unknown) => {
          throw new Broken(
            "the same mutations are accepted and kept, whatever else happens",
            `${where}\n${String(error)}`,
            error,
          );
        },
      );
      if (dump !== drawn.dump || digest !== first.digest || first.dump !== drawn.dump)
        throw new Broken(
          "I16 the same mutations give the same entities and digest",
          `${where}\n${dump}\n-- plain --\n${first.dump}\n-- not --\n${drawn.dump}`,
        );
      trials += 1;
      see?.(fingerprint(sim));
      progress?.(trials);
    }
  }
  return trials;
};
