/**
 * Throws a model at everything that a store does with it, and shrinks what breaks it.
 *
 *     case   a run on the simulated disk      a value of an older version      a run of a previous model
 *              └ holds? ─ no ─> shrink ─> BrokenModelError: seed, path, the least run, a directory
 *
 * The rule: what a check cannot try is an error, not a pass: a mutation that was never applied, a step
 * from an older version without values.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { Broken, BrokenModelError } from "./broken-model-error.ts";
import { fastCheck, type Arbitrary, type FastCheck } from "./fast-check.ts";
import { leaveBehind, writeOldStore } from "./left-behind.ts";
import { Ledger, type Item } from "./ledger.ts";
import type { MutationsOptions } from "./mutations-of.ts";
import { checkOldValue, migrateItem, oldSources, type OldValues } from "./old-values.ts";
import type { AnyModel } from "./open-run.ts";
import { mutationsIn, planOf, type OldValue, type Plan, type Step } from "./plan.ts";
import { runPlan, type ModelSource, type RunCounts } from "./run-plan.ts";

export interface CheckOptions extends MutationsOptions {
  /** Default: 100. */
  readonly runs?: number;
  /** Mutations and other steps in a run, at most. Default: 20. */
  readonly commandsMax?: number;
  /** Repeats a check. Default: random, and told by what fails. */
  readonly seed?: number;
  /** With `seed`: begins with the run that failed. */
  readonly path?: string;
  /** Payloads and entities of older versions: an arbitrary, or samples of what was recorded. */
  readonly old?: OldValues;
  /** The model as it was in earlier versions: its runs must read today as if today's model had written them. */
  readonly previous?: readonly AnyModel[];
}

/** What a check that found nothing has done. */
export interface CheckReport {
  readonly seed: number;
  readonly runs: number;
  /** By type, how often a mutation was applied, and refused. */
  readonly applied: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  /** Openings whose state was compared. */
  readonly recoveries: number;
}

type Case =
  | { readonly kind: "run"; readonly plan: Plan }
  | { readonly kind: "previous"; readonly index: number; readonly plan: Plan }
  | { readonly kind: "old"; readonly old: OldValue };

/**
 * Checks the law that replay rests on:
 *
 * - **`migrate ∘ fold_old = fold_new ∘ upcast`**: the state that an older model folded, migrated, is the
 *   state that today's model folds from the same records, upcast (with `previous`). Each upcaster takes
 *   every payload of its version, each migration every entity, and gives what today's schema takes.
 * - Reducers, upcasters and migrations are **pure**: the same from the same, whatever the time, chance,
 *   the order of an entity's fields, or what ran before; they change nothing that they are given.
 * - What they return is **JSON**, and what a reducer returns fits its entity's schema.
 * - The **live state** is the state replayed from the log, recovered from a snapshot and the log above
 *   it, and opened from the snapshot of a close: with small segments and one large one, batches,
 *   transactions, snapshots anywhere, entities removed and created again.
 * - **After a power failure** at any call, with any part of the unsynced bytes surviving, the store opens
 *   in a state that it was in: no older than what was durable.
 *
 * `model` may be a function that makes it anew, best by importing its modules anew: then each opening
 * runs a model of its own, and state that a module keeps is seen as well.
 * @throws BrokenModelError; TypeError if something cannot be tried (see `old` and `arbitraries`).
 */
export const checkModel = async (
  model: AnyModel | ModelSource,
  options: CheckOptions = {},
): Promise<CheckReport> => {
  const fc = fastCheck(options.fc);
  const source: ModelSource = typeof model === "function" ? model : () => model;
  const check = new ModelCheck(source, await source(), options, fc);
  return check.run();
};

class ModelCheck {
  readonly #source: ModelSource;
  readonly #model: AnyModel;
  readonly #options: CheckOptions;
  readonly #fc: FastCheck;
  #brokeAlone = false;
  readonly #counts: RunCounts = { applied: new Map(), refused: new Map(), recoveries: 0 };

  constructor(source: ModelSource, model: AnyModel, options: CheckOptions, fc: FastCheck) {
    this.#source = source;
    this.#model = model;
    this.#options = options;
    this.#fc = fc;
  }

  async run(): Promise<CheckReport> {
    const { runs = 100, seed, path } = this.#options;
    const { samples, cases } = this.#cases();
    const property = this.#fc.asyncProperty(cases, (one) => this.#holds(one));
    const details = await this.#fc.check(property, {
      numRuns: runs + samples.length,
      examples: samples.map((old): [Case] => [{ kind: "old", old }]),
      ...(seed === undefined ? {} : { seed }),
      ...(path === undefined ? {} : { path }),
    });
    if (details.failed) {
      const [least] = details.counterexample ?? [];
      if (!least || !(details.errorInstance instanceof Broken)) throw details.errorInstance;
      throw await this.#broken(least, details.errorInstance, {
        seed: details.seed,
        path: details.counterexamplePath ?? "",
      });
    }
    if (path === undefined) this.#assertAllTried(runs);
    const { applied, refused, recoveries } = this.#counts;
    return {
      seed: details.seed,
      runs: details.numRuns,
      applied: Object.fromEntries(applied),
      refused: Object.fromEntries(refused),
      recoveries,
    };
  }

  #cases(): { readonly samples: readonly OldValue[]; readonly cases: Arbitrary<Case> } {
    const fc = this.#fc;
    const { arbitraries = {}, commandsMax = 20, previous = [], old = {} } = this.#options;
    const runs = planOf(this.#model, commandsMax, { fc, arbitraries });
    const values = oldSources(this.#model, old, previous, fc);
    const earlier = previous.map((each, index) => {
      const known = Object.entries(arbitraries).filter(([type]) => isSame(each, this.#model, type));
      const plans = planOf(each, commandsMax, { fc, arbitraries: Object.fromEntries(known) });
      return plans.map((plan): Case => ({ kind: "previous", index, plan }));
    });
    const cases = fc.oneof(
      { weight: 4, arbitrary: runs.map((plan): Case => ({ kind: "run", plan })) },
      ...earlier.map((arbitrary) => ({ weight: 3, arbitrary })),
      ...values.arbitraries.map((each) => ({
        weight: 1,
        arbitrary: each.map((value): Case => ({ kind: "old", old: value })),
      })),
    );
    return { samples: values.samples, cases };
  }

  /** What fast-check asks for: of each case, and of smaller ones once a case has failed. */
  async #holds(one: Case): Promise<void> {
    if (one.kind === "run") this.#foldAlone(one.plan);
    // What broke without a store is shrunk without one.
    if (!this.#brokeAlone) await this.#run(one, createSimDisk());
  }

  #foldAlone({ steps }: Plan): void {
    const ledger = new Ledger(this.#model);
    try {
      for (const step of steps) ledger.apply(mutationsIn(step), 0);
    } catch (error) {
      this.#brokeAlone = true;
      throw error;
    }
  }

  async #run(one: Case, sim: SimDisk): Promise<void> {
    const write = this.#source;
    const counts = this.#counts;
    if (one.kind === "old") return checkOldValue(this.#model, one.old);
    const { plan } = one;
    if (one.kind === "run") return runPlan({ sim, plan, counts, write });
    const previous = this.#options.previous?.[one.index];
    if (!previous) throw new TypeError("there is no such previous model");
    const now = this.#model;
    const migrated = (key: string, item: Item): Item => ({
      ...item,
      value: migrateItem(now, previous, key, item.value),
    });
    return runPlan({
      sim,
      plan,
      // What only an older model has says nothing of today's.
      counts: { applied: new Map(), refused: new Map(), recoveries: 0 },
      write: () => previous,
      read: {
        model: write,
        expected: (items) => new Map([...items].map(([key, item]) => [key, migrated(key, item)])),
      },
    });
  }

  /** Runs the least case once more, for the directory that it leaves. */
  async #broken(
    least: Case,
    first: Broken,
    found: { readonly seed: number; readonly path: string },
  ): Promise<BrokenModelError> {
    const sim = createSimDisk();
    if (least.kind === "old") await writeOldStore(sim, this.#model, least.old);
    const again = await this.#run(least, sim).catch((error: unknown) => error);
    const { invariant, message, cause } = again instanceof Broken ? again : first;
    const counterexample: readonly Step[] = least.kind === "old" ? [least.old] : least.plan.steps;
    const dir = await leaveBehind(sim);
    return new BrokenModelError(
      { invariant, details: message, ...found, counterexample, dir },
      cause,
    );
  }

  #assertAllTried(runs: number): void {
    const { applied, refused } = this.#counts;
    const never = [...this.#model.mutations.keys()].find((type) => !applied.has(type));
    if (never === undefined) return;
    throw new TypeError(
      `${never} was never applied in ${runs} runs, and refused ${refused.get(never) ?? 0} times: give arbitraries["${never}"] whose payloads its reducer takes, or more runs`,
    );
  }
}

/** Whether an arbitrary for today's payloads of a type is one for an older model's too. */
const isSame = (previous: AnyModel, model: AnyModel, type: string): boolean => {
  const version = previous.mutations.get(type)?.version;
  return version !== undefined && version === model.mutations.get(type)?.version;
};
