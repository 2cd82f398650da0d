/**
 * A model that writes as an older version of a model did: the same names, an older version, and reducers
 * that take anything.
 *
 *     { what: "note.renamed", version: 1, value } ──> note.created {}, note.renamed v1 value     in the log
 *     { what: "note", version: 1, value } ─────────> note.created, and value itself             in state.json
 *
 * The rule: it is for leaving a directory to look at, never for judging a model.
 */
import {
  defineEntity,
  defineModel,
  type EntityModel,
  type MutationModel,
  type StandardSchema,
} from "@taskwal/core";
import type { AnyModel } from "./open-run.ts";
import type { OldValue } from "./plan.ts";

const anything: StandardSchema<unknown, { readonly id: string }> = {
  "~standard": {
    version: 1,
    vendor: "taskwal",
    validate: (value) => ({ value: value as { readonly id: string } }),
  },
};

const same = (value: unknown): unknown => value;
const sameSteps = (version: number) =>
  Object.fromEntries(Array.from({ length: version - 1 }, (_, index) => [index + 1, same]));

export interface OlderWriter {
  readonly model: AnyModel;
  readonly id: string;
  /** What brings the value in: a creation first, where the value is of a change. */
  readonly mutations: readonly {
    readonly key: string;
    readonly type: string;
    readonly payload: unknown;
  }[];
  readonly inSnapshot: boolean;
}

export const olderWriter = (model: AnyModel, old: OldValue): OlderWriter => {
  const entities = [...model.entities.values()];
  const all = [...model.mutations.values()];
  const mutation = all.find(({ type, version }) => type === old.what && version > old.version);
  const entity = mutation?.entity ?? entities.find(({ name }) => name === old.what);
  const creation = all.find((one) => one.entity === entity && one.kind === "create");
  if (!entity || !creation)
    throw new TypeError(`the model has no ${old.what} that is ever created`);
  const { key } = entity;
  const value = fieldsOf(old.value);
  const id = typeof value["id"] === "string" && value["id"] !== "" ? value["id"] : "a";
  const first = mutation && mutation !== creation ? {} : old.value;
  return {
    model: defineModel({
      entities: Object.fromEntries(
        entities.map((each) => [
          each.key,
          loose(
            each,
            all.filter((one) => one.entity === each),
            old,
          ),
        ]),
      ),
    }),
    id,
    mutations: [
      { key, type: creation.type, payload: first },
      ...(mutation && mutation !== creation
        ? [{ key, type: mutation.type, payload: old.value }]
        : []),
    ],
    inSnapshot: !mutation,
  };
};

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const loose = (
  { name, collection, version }: EntityModel,
  mutations: readonly MutationModel[],
  old: OldValue,
) => {
  const ofKind = (kind: MutationModel["kind"]): MutationModel[] =>
    mutations.filter((one) => one.kind === kind);
  const versionOf = (what: string, now: number): number =>
    what === old.what && old.version < now ? old.version : now;
  const versioned = (one: MutationModel) => {
    const written = versionOf(one.type, one.version);
    return { payload: anything, version: written, upcast: sameSteps(written) };
  };
  const written = versionOf(name, version);
  return defineEntity({
    name,
    collection,
    version: written,
    migrate: sameSteps(written),
    schema: anything,
    create: Object.fromEntries(
      ofKind("create").map((one) => [
        one.type,
        {
          ...versioned(one),
          reduce: (payload: unknown, { id }: { readonly id: string }) => ({
            ...fieldsOf(payload),
            id,
          }),
        },
      ]),
    ),
    change: Object.fromEntries(
      ofKind("change").map((one) => [
        one.type,
        { ...versioned(one), reduce: (entity: { readonly id: string }) => entity },
      ]),
    ),
  });
};
