/**
 * The versions of entities that a file or record tells of, against those that a model knows.
 *
 * The rule: newer is refused with what was found and what is known, and never answered by falling back
 * to an older backup. Entities beside those of the model are kept (held-records.ts); a store that has none
 * of the model's is another program's.
 */
import { UnsupportedFormatError } from "@taskwal/errors";
import type { WholeSnapshot } from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import type { SchemaVersions } from "./system-record.ts";

/** Throws UnsupportedFormatError if an entity of `schema` is newer than the model's, or none of them is the model's. */
export const assertSchema = (
  file: string,
  schema: SchemaVersions,
  model: Pick<Model, "schema">,
): void => {
  const names = Object.keys(schema);
  const others = names.filter((name) => !Object.hasOwn(model.schema, name));
  if (others.length > 0 && others.length === names.length) throw unknownEntity(file, names, model);
  for (const [name, version] of Object.entries(schema)) {
    const known = model.schema[name];
    if (known === undefined || version <= known) continue;
    throw new UnsupportedFormatError({
      file,
      found: `${name} schema version ${version}`,
      supported: `${name} version ${known}`,
    });
  }
};

/** The same of a snapshot; also if an entity that the model lacks has a collection of the model's. */
export const assertSnapshotSchema = (
  file: string,
  { head, collections }: Pick<WholeSnapshot, "head" | "collections">,
  model: Model,
): void => {
  assertSchema(file, head.schema, model);
  const others = Object.keys(head.schema).filter((name) => !Object.hasOwn(model.schema, name));
  if (others.length === 0) return;
  for (const { name, collection } of model.entities.values()) {
    if (Object.hasOwn(head.schema, name) || !collections.get(collection)?.length) continue;
    throw unknownEntity(file, others, model);
  }
};

const unknownEntity = (
  file: string,
  [name = ""]: readonly string[],
  { schema }: Pick<Model, "schema">,
): UnsupportedFormatError =>
  new UnsupportedFormatError({
    file,
    found: `the entity "${name}"`,
    supported: Object.keys(schema).join(", "),
  });

/** Whether `schema` has an entity of a newer version than `known`: what a program of `known` refuses. */
export const isNewer = (schema: SchemaVersions, known: SchemaVersions): boolean =>
  Object.entries(schema).some(([name, version]) => version > (known[name] ?? version));
