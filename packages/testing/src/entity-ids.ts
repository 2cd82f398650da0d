/** Ids for an entity: few, so that mutations meet; as its schema wants them. */
import type { EntityModel } from "@taskwal/core";
import type { FastCheck } from "./fast-check.ts";
import { jsonSchemaArbitrary, type JsonSchema } from "./json-schema.ts";
import { inputSchema } from "./payloads.ts";

const plainIds = ["a", "b", "c"];

/** The same at every call. */
export const idsOf = ({ schema }: EntityModel, fc: FastCheck): readonly string[] => {
  const wanted = idSchema(schema);
  if (!wanted || isPlain(wanted)) return plainIds;
  try {
    const values = jsonSchemaArbitrary(wanted, fc);
    const some = fc.sample(values, { numRuns: 50, seed: 1 });
    const ids = [...new Set(some)].filter(
      (id): id is string => typeof id === "string" && id !== "",
    );
    return ids.length > 0 ? ids.slice(0, plainIds.length) : plainIds;
  } catch {
    return plainIds;
  }
};

/** Undefined if the schema does not say: the ids are then tried as they are. */
const idSchema = (schema: EntityModel["schema"]): JsonSchema | undefined => {
  try {
    const { properties, $defs } = inputSchema(schema);
    const id = (properties as Readonly<Record<string, JsonSchema>> | undefined)?.["id"];
    return id && { ...id, ...($defs === undefined ? {} : { $defs }) };
  } catch {
    return undefined;
  }
};

const isPlain = (schema: JsonSchema): boolean =>
  Object.keys(schema).every((key) => key === "type" || (key === "minLength" && schema[key] === 1));
