/**
 * Mutations of a model, as fast-check makes and shrinks them.
 *
 *     fc.array(mutationsOf(model)) ──> [note.created a {"title":""}, note.renamed a {"title":"x"}, …]
 *
 * The rule: a mutation is plain data; its id is one of few, so that mutations meet on the same entity.
 */
import { validate, type Model, type MutationModel, type StandardSchema } from "@taskwal/core";
import { idsOf } from "./entity-ids.ts";
import { fastCheck, type Arbitrary, type FastCheck } from "./fast-check.ts";
import { payloadsOf, type Arbitraries } from "./payloads.ts";

/** One mutation to ask a store for. Of a list: `type` is that of its records, "note.lines.appended". */
export interface Mutation {
  readonly type: string;
  readonly id: string;
  readonly payload: unknown;
}

export interface MutationsOptions {
  /** By mutation type, for those whose schema gives no JSON Schema, or values of too little interest. */
  readonly arbitraries?: Arbitraries;
  /** Default: the fast-check that is installed. */
  readonly fc?: FastCheck;
}

/**
 * Mutations of all types of a model, each with a payload that its schema takes.
 * @throws TypeError that names the mutation type for which an arbitrary is needed, or has no use.
 */
export const mutationsOf = (model: Model, options: MutationsOptions = {}): Arbitrary<Mutation> => {
  const fc = fastCheck(options.fc);
  return fc.oneof(...mutationsByType(model, options).values());
};

/** As `mutationsOf`, one arbitrary per type. */
export const mutationsByType = (
  model: Model,
  options: MutationsOptions = {},
): ReadonlyMap<string, Arbitrary<Mutation>> => {
  const fc = fastCheck(options.fc);
  const { arbitraries = {} } = options;
  const unknown = Object.keys(arbitraries).find((type) => !model.mutations.has(type));
  if (unknown !== undefined) {
    throw new TypeError(
      `an arbitrary is given for "${unknown}", which is no mutation of the model`,
    );
  }
  return new Map(
    [...model.mutations.values()].map((each) => [each.type, ofType(each, arbitraries, fc)]),
  );
};

const ofType = (
  { type, entity, payload: schema }: MutationModel,
  arbitraries: Arbitraries,
  fc: FastCheck,
): Arbitrary<Mutation> => {
  const given = arbitraries[type];
  const mutations = fc.record(
    {
      type: fc.constant(type),
      id: fc.constantFrom(...idsOf(entity, fc)),
      payload: payloadsOf(type, schema, fc, given),
    },
    { noNullPrototype: true },
  );
  return given ? mutations : mutations.map((each) => withOwnId(each, schema));
};

/** A payload that has an id, of one that is imported say, has that of its entity. */
const withOwnId = (mutation: Mutation, schema: StandardSchema): Mutation => {
  const { id, payload } = mutation;
  if (typeof payload !== "object" || payload === null || !("id" in payload)) return mutation;
  const own = { ...payload, id };
  return validate(schema, own).ok ? { ...mutation, payload: own } : mutation;
};
