/**
 * The versions of entities that a file or record tells of, against those that a model knows.
 *
 * The rule: newer is refused with what was found and what is known, and never answered by falling back
 * to an older backup.
 */
import { UnsupportedFormatError } from "@taskwal/errors";
import type { Model } from "./define-model.ts";
import type { SchemaVersions } from "./system-record.ts";

/** Throws UnsupportedFormatError if `schema` is newer than the model or names an entity that it lacks. */
export const assertSchema = (
  file: string,
  schema: SchemaVersions,
  model: Pick<Model, "schema">,
): void => {
  for (const [name, version] of Object.entries(schema)) {
    const known = model.schema[name];
    if (known !== undefined && version <= known) continue;
    throw new UnsupportedFormatError({
      file,
      found: known === undefined ? `the entity "${name}"` : `${name} schema version ${version}`,
      supported:
        known === undefined ? Object.keys(model.schema).join(", ") : `${name} version ${known}`,
    });
  }
};

/** Whether `schema` has an entity that `known` lacks, or one of a newer version. */
export const isNewer = (schema: SchemaVersions, known: SchemaVersions): boolean =>
  Object.entries(schema).some(([name, version]) => version > (known[name] ?? 0));
