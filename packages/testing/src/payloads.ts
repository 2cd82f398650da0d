/**
 * Payloads of a mutation: from the arbitrary that the user gave, else from its schema.
 *
 *     arbitraries["note.created"] ──┐
 *     schema ─ JSON Schema ─────────┴─> values ─ filtered by the schema itself ─> payloads
 *
 * The rule: where no payload can be made, an error names the mutation's type and says what to give;
 * nothing is left out in silence.
 */
import { validate, type StandardSchema } from "@taskwal/core";
import { copyJson } from "@taskwal/format";
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import { jsonSchemaArbitrary, NoArbitrary, type JsonSchema } from "./json-schema.ts";

/** By mutation type: `{ "note.created": fc.record({ title: fc.string() }) }`. */
export type Arbitraries = Readonly<Record<string, Arbitrary<unknown>>>;

/** Values in a row that the schema may refuse before that is an error. */
const refusedMax = 2_000;

/** @throws TypeError that names the type for which an arbitrary is needed. */
export const payloadsOf = (
  type: string,
  schema: StandardSchema,
  fc: FastCheck,
  given?: Arbitrary<unknown>,
): Arbitrary<unknown> => {
  const values = given ?? derived(type, schema, fc);
  let refused = 0;
  return values.filter((value) => {
    if (isPayload(schema, value)) {
      refused = 0;
      return true;
    }
    refused += 1;
    if (refused < refusedMax) return false;
    refused = 0;
    const which = given ? `the arbitrary given for ${type}` : `what is derived for ${type}`;
    throw new TypeError(
      `the schema refused ${refusedMax} values in a row of ${which}: give arbitraries["${type}"] whose values it takes`,
    );
  });
};

const isPayload = (schema: StandardSchema, value: unknown): boolean => {
  if (!copyJson(value).ok) return false;
  const result = validate(schema, value);
  return result.ok && copyJson(result.value).ok;
};

const derived = (type: string, schema: StandardSchema, fc: FastCheck): Arbitrary<unknown> => {
  try {
    return jsonSchemaArbitrary(inputSchema(schema), fc);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(
      `no payload can be derived for ${type}: give arbitraries["${type}"] (${why})`,
      {
        cause,
      },
    );
  }
};

interface Exporting {
  readonly "~standard": {
    readonly jsonSchema?: { input?(options: { readonly target: string }): JsonSchema };
  };
  toJSONSchema?(options: { readonly io: "input" }): JsonSchema;
}

/**
 * What a caller passes, as JSON Schema: by the Standard JSON Schema interface (zod 4.2 and others), else
 * by a method `toJSONSchema`.
 * @throws NoArbitrary if it has neither; what the schema throws passes through.
 */
export const inputSchema = (schema: StandardSchema): JsonSchema => {
  const exporting = schema as StandardSchema & Exporting;
  const standard = exporting["~standard"];
  if (standard.jsonSchema?.input) return standard.jsonSchema.input({ target: "draft-2020-12" });
  if (typeof exporting.toJSONSchema === "function") return exporting.toJSONSchema({ io: "input" });
  throw new NoArbitrary(`a ${standard.vendor} schema without a JSON Schema of its own`);
};
