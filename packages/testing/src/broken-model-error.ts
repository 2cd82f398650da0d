/**
 * What a check throws: the invariant that a model broke, with the least run that shows it.
 *
 *     Broken           an invariant and the details, thrown where it is found
 *     BrokenModelError the same with seed, path, the shrunk run, and a directory to look at
 */
import type { Step } from "./plan.ts";

/** Within a run; never leaves the package. */
export class Broken extends Error {
  override readonly name = "Broken";
  readonly invariant: string;

  constructor(invariant: string, details: string, cause?: unknown) {
    super(details, { cause });
    this.invariant = invariant;
  }
}

export interface BrokenModelFacts {
  readonly invariant: string;
  readonly details: string;
  readonly seed: number;
  readonly path: string;
  readonly counterexample: readonly Step[];
  readonly dir: string;
}

/** A model broke an invariant. `cause` is what its functions threw, if they threw. */
export class BrokenModelError extends Error {
  override readonly name = "BrokenModelError";
  /** What should hold, as a sentence. */
  readonly invariant: string;
  /** With `seed` and `path` in the options, the check begins with this very run. */
  readonly seed: number;
  readonly path: string;
  /** The least run that was found to break it. */
  readonly counterexample: readonly Step[];
  /** A state directory on the real disk, as that run left it. It is the caller's to remove. */
  readonly dir: string;

  constructor(facts: BrokenModelFacts, cause?: unknown) {
    const { invariant, details, seed, path, counterexample, dir } = facts;
    const steps = counterexample.map((step, index) => `  ${index + 1}. ${stepText(step)}`);
    super(
      [
        `${invariant}: ${details}`,
        ...steps,
        `again with { seed: ${seed}, path: "${path}" }; the state directory it left: ${dir}`,
      ].join("\n"),
      { cause },
    );
    this.invariant = invariant;
    this.seed = seed;
    this.path = path;
    this.counterexample = counterexample;
    this.dir = dir;
  }
}

const stepText = (step: Step): string => {
  switch (step.kind) {
    case "mutate":
      return `${step.type} ${step.id} ${JSON.stringify(step.payload)}`;
    case "transact":
      return `transact(${step.mutations.map((each) => stepText({ kind: "mutate", ...each })).join("; ")})`;
    case "old":
      return `${step.what} of version ${step.version}: ${JSON.stringify(step.value)}`;
    case "flush":
    case "snapshot":
    case "reopen":
    case "crash":
      return step.kind;
  }
};
