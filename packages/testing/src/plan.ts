/**
 * What a run does, as data: its steps, the store's options, where the power fails and what survives.
 *
 * The rule: a plan holds no randomness of its own, so that the same plan is the same run, and a shrunk
 * plan a shorter one.
 */
import type { Model } from "@taskwal/core";
import { aimedSteps } from "./aimed-steps.ts";
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import { mutationsByType, type Mutation, type MutationsOptions } from "./mutations-of.ts";

export type Step =
  /** Not awaited: what comes before the next other step may be one batch. */
  | ({ readonly kind: "mutate" } & Mutation)
  | { readonly kind: "transact"; readonly mutations: readonly Mutation[] }
  /** All that was asked for is durable. */
  | { readonly kind: "flush" }
  | { readonly kind: "snapshot" }
  /** Closed and opened again. */
  | { readonly kind: "reopen" }
  /** The process dies and the power fails; what was not acknowledged may be gone. */
  | { readonly kind: "crash" }
  /** What stands in an old store: a payload or an entity of an older version. */
  | OldValue;

export interface OldValue {
  readonly kind: "old";
  /** The mutation's type, or the entity's name. */
  readonly what: string;
  readonly version: number;
  readonly value: unknown;
}

/** The power fails before a call that changes the disk: that share of the run's calls, from 0 to 1. */
export interface PowerFailure {
  readonly at: number;
  /** Decides what of the unsynced survives. */
  readonly survivors: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly durability: "synced" | "written";
  readonly segmentBytesMax: number;
  readonly mirrors: boolean;
  readonly failures: readonly PowerFailure[];
}

/** A segment of the log for every few records, or one for all. */
const segmentSizes = [64 * 1024 * 1024, 2_000];

export const planOf = (
  model: Model,
  commandsMax: number,
  options: MutationsOptions & { readonly fc: FastCheck },
): Arbitrary<Plan> => {
  const { fc } = options;
  return fc.record(
    {
      steps: stepsOf(model, commandsMax, options),
      durability: fc.constantFrom("synced", "written"),
      segmentBytesMax: fc.constantFrom(...segmentSizes),
      mirrors: fc.constantFrom(false, true),
      failures: fc.array(
        fc.record(
          {
            at: fc.double({ min: 0, max: 1, noNaN: true }),
            survivors: fc.integer({ min: 1, max: 1_000_000 }),
          },
          { noNullPrototype: true },
        ),
        { maxLength: 3 },
      ),
    },
    { noNullPrototype: true },
  );
};

/** Runs about all entities, and as many about one, where mutations meet more often. */
const stepsOf = (
  model: Model,
  commandsMax: number,
  options: MutationsOptions & { readonly fc: FastCheck },
): Arbitrary<readonly Step[]> => {
  const { fc } = options;
  const byType = [...mutationsByType(model, options)];
  const groups = [...model.entities.values()].map(({ key }) =>
    byType.filter(([type]) => model.mutations.get(type)?.entity.key === key),
  );
  const everything = groups.length > 1 ? [byType] : [];
  const runs = [...everything, ...groups]
    .filter((group) => group.length > 0)
    .map((group) => {
      const all = fc.oneof(...group.map(([, each]) => each));
      const creating = group.filter(([type]) => model.mutations.get(type)?.kind === "create");
      // Something to begin with: what exists is what can be lost.
      const first = fc.oneof(...(creating.length > 0 ? creating : group).map(([, each]) => each));
      const firstMax = Math.min(3, commandsMax);
      return fc
        .tuple(
          fc.array(first.map(asStep), { maxLength: firstMax, size: "max" }),
          fc.array(stepOf(all, fc), { maxLength: commandsMax - firstMax, size: "max" }),
        )
        .map((parts) => parts.flat());
    });
  return fc.oneof(...runs).map((steps) => aimedSteps(model, steps, fc));
};

const asStep = (mutation: Mutation): Step => ({ kind: "mutate", ...mutation });

const stepOf = (mutation: Arbitrary<Mutation>, fc: FastCheck): Arbitrary<Step> => {
  const plain = (kind: "flush" | "snapshot" | "reopen" | "crash", weight = 1) => ({
    weight,
    arbitrary: fc.constant<Step>({ kind }),
  });
  return fc.oneof(
    { weight: 16, arbitrary: mutation.map(asStep) },
    {
      weight: 1,
      arbitrary: fc
        .array(mutation, { minLength: 1, maxLength: 3 })
        .map((mutations): Step => ({ kind: "transact", mutations })),
    },
    plain("flush"),
    plain("snapshot", 2),
    plain("reopen", 2),
    plain("crash"),
  );
};

/** The mutations of a step, in order. */
export const mutationsIn = (step: Step): readonly Mutation[] => {
  if (step.kind === "mutate") return [step];
  return step.kind === "transact" ? step.mutations : [];
};
