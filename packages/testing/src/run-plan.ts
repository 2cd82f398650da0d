/**
 * Runs a plan on a simulated disk, and holds what the store becomes against a ledger.
 *
 *     steps ─ live == ledger ─┬─ process dies ──────> open: snapshot + tail  == ledger
 *       │                     ├─ snapshots away ────> open: log alone        == ledger
 *       │                     └─ close ─────────────> open: snapshot         == ledger
 *       └ power fails at a call ─> open: a state of the chain, no older than what was durable
 *
 * The rule: every opening runs a model of its own, if the user gives a way to make one.
 */
import type { SimDisk, SimState } from "@taskwal/disk/sim";
import { Broken } from "./broken-model-error.ts";
import { dumpOf, Ledger, type Answer, type Items } from "./ledger.ts";
import type { Mutation } from "./mutations-of.ts";
import { OpenRun, stateDir, type AnyModel } from "./open-run.ts";
import { mutationsIn, type Plan, type Step } from "./plan.ts";

/** Makes the model, anew if it can. */
export type ModelSource = () => AnyModel | Promise<AnyModel>;

export interface RunCounts {
  readonly applied: Map<string, number>;
  readonly refused: Map<string, number>;
  /** Openings that were compared. */
  recoveries: number;
}

export interface RunParts {
  readonly sim: SimDisk;
  readonly plan: Plan;
  readonly counts: RunCounts;
  /** Writes the run. */
  readonly write: ModelSource;
  /** Opens what was written; and how a state is to look there. Default: the same, as it is. */
  readonly read?: { readonly model: ModelSource; readonly expected: (items: Items) => Items };
}

/** The machine just before a call that changes its disk, and what a recovery may reach from there. */
interface Fork {
  readonly state: SimState;
  readonly allowed: readonly Items[];
}

const liveIsLedger = "the live state is what its mutations make of it";
const recoveredIsLive = "the state that is recovered is the live state";
const storeOpens = "a crashed store opens with the model that wrote it";
const recoversPrefix =
  "a recovery after a power failure reaches what was durable, and nothing that was not asked for";

/** @throws Broken; the disk then holds what broke it. */
export const runPlan = async (parts: RunParts): Promise<void> => {
  const run = new PlanRun(parts, new Ledger(await parts.write()));
  await run.start();
  try {
    for (const step of parts.plan.steps) await run.step(step);
    await run.settle();
  } catch (error) {
    await run.quiet();
    throw error;
  }
  await run.compareOpenings();
};

class PlanRun {
  readonly #parts: RunParts;
  readonly #ledger: Ledger;
  readonly #forks: Fork[] = [];
  #run: OpenRun | undefined;
  /** States of the chain up to this one are durable. */
  #durable = 0;
  #waiting: Promise<void>[] = [];
  #wrong: Broken | undefined;
  #stopForks: () => void = () => {};
  #crashes = 0;

  constructor(parts: RunParts, ledger: Ledger) {
    this.#parts = parts;
    this.#ledger = ledger;
  }

  async start(): Promise<void> {
    this.#run = await this.#open(this.#parts.write, storeOpens);
    const { sim, plan } = this.#parts;
    if (plan.failures.length === 0) return;
    // A fault that never comes: it is asked at the very moment before each call.
    this.#stopForks = sim.fail(
      ({ number }) => {
        if (number !== undefined) this.#forks.push(this.#fork());
        return false;
      },
      "EIO",
      { times: "forever" },
    );
  }

  #fork(): Fork {
    const allowed = this.#ledger.chain.slice(this.#durable);
    return { state: this.#parts.sim.snapshotState(), allowed };
  }

  #open(model: ModelSource, invariant: string): Promise<OpenRun> {
    const { sim, plan } = this.#parts;
    return Promise.resolve(model()).then((made) => OpenRun.open(sim, made, plan, invariant));
  }

  get #live(): OpenRun {
    if (!this.#run) throw new Error("the run has not begun");
    return this.#run;
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case "mutate":
      case "transact":
        return this.#ask(mutationsIn(step), step.kind === "transact");
      case "flush":
        return this.settle();
      case "snapshot":
        await this.#live.store.snapshot();
        return;
      case "reopen":
        await this.settle();
        await this.#live.store.close();
        this.#run = await this.#open(this.#parts.write, storeOpens);
        return this.#assertLive("after it was closed and opened again", recoveredIsLive);
      case "crash":
        return this.#crash();
      case "old":
        return;
    }
  }

  #ask(mutations: readonly Mutation[], isTransaction: boolean): void {
    const at = this.#live.now();
    const answer = this.#live.ask(mutations, isTransaction).then(
      (): Answer => "applied",
      (error: unknown): unknown => error,
    );
    const expected = this.#ledger.apply(mutations, at);
    const { applied, refused } = this.#parts.counts;
    for (const { type } of mutations) count(expected === "applied" ? applied : refused, type);
    const place = this.#ledger.chain.length - 1;
    const life = this.#crashes;
    this.#waiting.push(
      answer.then((given) => {
        // A life that has ended answers nothing any more.
        if (life !== this.#crashes) return;
        if ((given === "applied") !== (expected === "applied")) {
          const types = mutations.map(({ type }) => type).join(", ");
          this.#wrong ??= new Broken(
            "a mutation is refused or done for the same reasons each time",
            `${types}: first ${expected}, then ${given === "applied" ? "applied" : String(given)}`,
            given,
          );
        }
        const isSynced = this.#parts.plan.durability === "synced" && expected === "applied";
        if (isSynced) this.#durable = Math.max(this.#durable, place);
      }),
    );
  }

  /** Everything asked for is answered and durable, and shows. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
    if (this.#wrong) throw this.#wrong;
    // What was refused has been told already.
    await this.#live.store.flush().catch(() => {});
    this.#durable = this.#ledger.chain.length - 1;
    this.#assertLive("as it runs");
  }

  /** Lets a run that broke off write what it can. */
  async quiet(): Promise<void> {
    this.#stopForks();
    if (!this.#parts.sim.isCrashed) await this.#run?.store.flush().catch(() => {});
  }

  #assertLive(when: string, invariant = liveIsLedger): void {
    const { items } = this.#ledger;
    assertSame(invariant, when, this.#live.items(items), items);
  }

  /** The run goes on from what a power failure left. */
  async #crash(): Promise<void> {
    const { sim } = this.#parts;
    const { allowed } = this.#fork();
    this.#crashes += 1;
    sim.powerCut(randomSurvivors(this.#crashes));
    this.#waiting = [];
    this.#run = await this.#open(this.#parts.write, storeOpens);
    this.#ledger.resume(reached(this.#run, allowed, "a crash in the run"));
    this.#durable = 0;
    this.#parts.counts.recoveries += 1;
  }

  async compareOpenings(): Promise<void> {
    this.#stopForks();
    const { sim, read } = this.#parts;
    const live = sim.snapshotState();
    sim.powerCut("all");
    await this.#compare("recovered from snapshot and log");
    sim.restore(live);
    sim.powerCut("all");
    for (const path of sim.listRaw()) {
      if (isSnapshot(path)) sim.removeRaw(path);
    }
    await this.#compare("replayed from the log alone");
    if (read) return;
    sim.restore(live);
    sim.powerCut("all");
    const again = await this.#compare("recovered from snapshot and log");
    await again.store.close();
    await this.#compare("opened from the snapshot of a close");
    for (const { at, survivors } of this.#parts.plan.failures) {
      const fork =
        this.#forks[Math.min(this.#forks.length - 1, Math.floor(at * this.#forks.length))];
      if (fork) await this.#recoverFrom(fork, survivors);
    }
  }

  async #compare(how: string): Promise<OpenRun> {
    const { read, counts } = this.#parts;
    const { items } = this.#ledger;
    const run = await this.#open(
      read?.model ?? this.#parts.write,
      read ? "a store that an older model wrote opens" : storeOpens,
    );
    const invariant = read ? "migrate ∘ fold_old = fold_new ∘ upcast" : recoveredIsLive;
    counts.recoveries += 1;
    assertSame(invariant, how, run.items(items), read ? read.expected(items) : items);
    return run;
  }

  async #recoverFrom(fork: Fork, survivors: number): Promise<void> {
    const { sim, counts } = this.#parts;
    sim.restore(fork.state);
    sim.powerCut(randomSurvivors(survivors));
    counts.recoveries += 1;
    reached(await this.#open(this.#parts.write, storeOpens), fork.allowed, "a power failure");
  }
}

const randomSurvivors = (seed: number) =>
  ({
    writes: "random",
    names: seed % 2 === 0 ? "subset" : "prefix",
    sectorBytes: 512,
    seed,
  }) as const;

const isSnapshot = (path: string): boolean =>
  /^\/state\/state\.[^/]*json$/.test(path) && path.startsWith(stateDir);

const count = (counts: Map<string, number>, type: string): void => {
  counts.set(type, (counts.get(type) ?? 0) + 1);
};

/** The state of the chain that a recovery reached. */
const reached = (run: OpenRun, allowed: readonly Items[], after: string): Items => {
  const found = dumpOf(run.items(allowed.at(-1) ?? new Map()));
  const state = allowed.find((items) => dumpOf(items) === found);
  if (state) return state;
  const last = allowed.map(dumpOf).at(-1) ?? "";
  throw new Broken(
    recoversPrefix,
    `after ${after} it is\n${found}\nthe last of ${allowed.length} that it may be is\n${last}`,
  );
};

const assertSame = (invariant: string, how: string, found: Items, expected: Items): void => {
  const [is, must] = [dumpOf(found), dumpOf(expected)];
  if (is === must) return;
  throw new Broken(invariant, `${how} it is\n${is}\nand must be\n${must}`);
};
