/**
 * What stands in logs and snapshots of older versions, and whether today's model can read it.
 *
 *     payload of note.renamed, version 1 ─ upcast ───> a payload that today's schema takes
 *     entity note, version 1 ───────────── migrate ──> an entity that today's schema takes
 *
 * The values come from the user (an arbitrary, or samples of what was really recorded), payloads also from
 * the schemas of a previous model. The rule: a step without values to try it on is an error that names
 * it; it is never passed over.
 */
import { migrateEntity, validate, type Model } from "@taskwal/core";
import { copyJson, type JsonValue } from "@taskwal/format";
import { Broken } from "./broken-model-error.ts";
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import { payloadsOf } from "./payloads.ts";
import type { OldValue } from "./plan.ts";
import { runPure } from "./pure-function.ts";

/** By mutation type or entity name, then by version: `{ "note.renamed": { 1: [{ name: "x" }] } }`. */
export type OldValues = Readonly<
  Record<string, Readonly<Record<number, Arbitrary<unknown> | readonly unknown[]>>>
>;

/** What a model has steps for. */
interface Stepped {
  readonly what: string;
  readonly version: number;
  readonly isEntity: boolean;
}

export interface OldSources {
  /** Each is tried. */
  readonly samples: readonly OldValue[];
  readonly arbitraries: readonly Arbitrary<OldValue>[];
}

const steppedOf = (model: Model): readonly Stepped[] => {
  const below = (what: string, version: number, isEntity: boolean): Stepped[] =>
    Array.from({ length: version - 1 }, (_, index) => ({ what, version: index + 1, isEntity }));
  return [
    ...[...model.mutations.values()].flatMap(({ type, version }) => below(type, version, false)),
    ...[...model.entities.values()].flatMap(({ name, version }) => below(name, version, true)),
  ];
};

/** @throws TypeError that names what is given too much, or missing. */
export const oldSources = (
  model: Model,
  given: OldValues,
  previous: readonly Model[],
  fc: FastCheck,
): OldSources => {
  const stepped = steppedOf(model);
  for (const [what, versions] of Object.entries(given)) {
    const strange = Object.keys(versions).find(
      (version) => !stepped.some((one) => one.what === what && one.version === Number(version)),
    );
    if (strange === undefined) continue;
    throw new TypeError(
      `old["${what}"][${strange}] is given, and the model has no step from there`,
    );
  }
  const samples: OldValue[] = [];
  const arbitraries: Arbitrary<OldValue>[] = [];
  for (const { what, version, isEntity } of stepped) {
    const old = (value: unknown): OldValue => ({ kind: "old", what, version, value });
    const values = given[what]?.[version];
    if (values && isArbitrary(values)) arbitraries.push(values.map(old));
    else if (values && values.length > 0) samples.push(...values.map(old));
    else {
      const known = isEntity
        ? previous.some((each) => each.schema[what] === version)
        : previousPayloads(what, version, previous, fc);
      if (!known) throw missing(what, version, isEntity);
      // Entities of a previous model come from its own runs.
      if (known !== true) arbitraries.push(known.map(old));
    }
  }
  return { samples, arbitraries };
};

const isArbitrary = (
  values: Arbitrary<unknown> | readonly unknown[],
): values is Arbitrary<unknown> => !Array.isArray(values);

const previousPayloads = (
  type: string,
  version: number,
  previous: readonly Model[],
  fc: FastCheck,
): Arbitrary<unknown> | undefined => {
  for (const { mutations } of previous) {
    const mutation = mutations.get(type);
    if (mutation?.version !== version) continue;
    return payloadsOf(type, mutation.payload, fc).map((value) => {
      const recorded = mutation.validate(value);
      return recorded.ok ? recorded.value : value;
    });
  }
  return undefined;
};

const missing = (what: string, version: number, isEntity: boolean): TypeError => {
  const values = isEntity ? "entities" : "payloads";
  return new TypeError(
    `${what} has a step from version ${version}: give ${values} of that version in old["${what}"][${version}], as an arbitrary or as recorded samples, or the model of that time in \`previous\``,
  );
};

/** @throws Broken. */
export const checkOldValue = (model: Model, { what, version, value }: OldValue): void => {
  const copy = copyJson(value);
  if (!copy.ok) {
    throw new TypeError(`old["${what}"][${version}] gave what ${copy.reason} at ${copy.path}`);
  }
  const mutation = model.mutations.get(what);
  const isUpcast = mutation !== undefined && mutation.version > version;
  const entity = [...model.entities.values()].find(({ name }) => name === what);
  const name = `${isUpcast ? "the upcaster" : "the migration"} of ${what} from version ${version}`;
  const kind = isUpcast ? "an upcaster" : "a migration";
  const outcome = runPure(
    { kind, name },
    [copy.value],
    ([old = null]): JsonValue | undefined => {
      if (isUpcast) return mutation.upcast(old, version);
      return entity && migrateEntity(entity, old, version);
    },
    { entity: !isUpcast },
  );
  if (!outcome.ok) {
    const { error } = outcome;
    throw new Broken(
      `${kind} takes every value of its version`,
      `${name} threw ${String(error)}`,
      error,
    );
  }
  const now = outcome.value;
  const schema = isUpcast ? mutation.payload : entity?.schema;
  const fits = schema && validate(schema, now);
  if (fits && !fits.ok) {
    const issues = fits.issues.map(({ message, path = [] }) => `${path.join(".")} ${message}`);
    throw new Broken(
      `what ${kind} returns fits today's schema`,
      `${name} made ${JSON.stringify(now)} of ${JSON.stringify(value)}: ${issues.join("; ")}`,
    );
  }
  if (!isUpcast && idOf(now) !== idOf(copy.value)) {
    throw new Broken("a migration keeps the id", `${name} made ${JSON.stringify(now)}`);
  }
};

const idOf = (value: JsonValue | undefined): unknown =>
  typeof value === "object" && value !== null ? (value as { readonly id?: unknown }).id : undefined;

/** How a state that an older model left is to look today. @throws what a migration throws. */
export const migrateItem = (
  model: Model,
  previous: Model,
  key: string,
  value: JsonValue | undefined,
): JsonValue | undefined => {
  const [collection = ""] = key.split("/");
  const name = previous.entities.get(collection)?.name ?? "";
  const entity = [...model.entities.values()].find((each) => each.name === name);
  return entity && value !== undefined
    ? migrateEntity(entity, value, previous.schema[name] ?? entity.version)
    : value;
};
