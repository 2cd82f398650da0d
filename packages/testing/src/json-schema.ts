/**
 * A JSON Schema as an arbitrary of the values that it describes.
 *
 *     { type: "object", properties: { title: { type: "string" } } } ──> fc.record({ title: fc.string() })
 *
 * A schema within itself ($ref) is followed a few levels down, then left out wherever it may be.
 * The rule: what a keyword means is generated or refused by name, never passed over; whether a value is
 * right is the schema's own to say, by validating it (payloads.ts).
 */
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import { jsonNumber } from "./json-number.ts";
import { jsonString } from "./json-string.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Why there is no arbitrary for a schema: a sentence, and where in it. */
export class NoArbitrary extends Error {
  override readonly name = "NoArbitrary";
}

const levelsMax = 3;
const itemsMax = 4;

interface Context {
  readonly fc: FastCheck;
  readonly root: JsonSchema;
  /** How often a $ref was followed to come here. */
  readonly level: number;
  readonly path: string;
}

/** Undefined: no value is small enough, or none exists. The caller leaves the place out, if it can. */
type Found = Arbitrary<unknown> | undefined;

/** @throws NoArbitrary. */
export const jsonSchemaArbitrary = (root: JsonSchema, fc: FastCheck): Arbitrary<unknown> => {
  const found = build(root, { fc, root, level: 0, path: "$" });
  if (!found) throw new NoArbitrary("its JSON Schema has no value");
  return found;
};

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const schemasOf = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) ? value : undefined;

/** What is understood. What only describes a value, or its text, is no keyword that decides anything. */
const known = new Set(
  (
    "$schema $id $defs definitions $comment title description default examples deprecated readOnly writeOnly " +
    "$ref anyOf oneOf allOf enum const type properties required additionalProperties propertyNames " +
    "items prefixItems minItems maxItems uniqueItems minProperties maxProperties minimum maximum " +
    "exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format contentEncoding not id"
  ).split(" "),
);

const build = (schema: unknown, context: Context): Found => {
  const { fc, path } = context;
  if (schema === true) return anything(fc);
  if (schema === false) return undefined;
  if (!isSchema(schema)) throw new NoArbitrary(`${path} is no JSON Schema`);
  const strange = Object.keys(schema).find((key) => !known.has(key) && !key.startsWith("x-"));
  if (strange !== undefined) throw new NoArbitrary(`${path} has the keyword "${strange}"`);
  if (typeof schema["$ref"] === "string") return referred(schema["$ref"], context);
  if ("const" in schema) return fc.constant(schema["const"]);
  const values = schemasOf(schema["enum"]);
  if (values) return values.length > 0 ? fc.constantFrom(...values) : undefined;
  if ("allOf" in schema) return build(merged(schema, context), context);
  const branches = schemasOf(schema["anyOf"] ?? schema["oneOf"]);
  if (branches) return oneOf(branches.map((each) => build(each, context)).filter(isFound), fc);
  return typed(schema, context);
};

const isFound = (found: Found): found is Arbitrary<unknown> => found !== undefined;

const oneOf = (branches: readonly Arbitrary<unknown>[], fc: FastCheck): Found =>
  branches.length > 0 ? fc.oneof(...branches) : undefined;

const anything = (fc: FastCheck): Arbitrary<unknown> => fc.jsonValue({ maxDepth: 2 });

const typed = (schema: JsonSchema, context: Context): Found => {
  const { fc, path } = context;
  const { type, not } = schema;
  if (not !== undefined) {
    if (isSchema(not) && Object.keys(not).length === 0) return undefined;
    throw new NoArbitrary(`${path} has the keyword "not"`);
  }
  if (Array.isArray(type)) {
    const each = type.map((one: unknown) => typed({ ...schema, type: one }, context));
    return oneOf(each.filter(isFound), fc);
  }
  switch (type) {
    case undefined:
      return typed({ ...schema, type: impliedType(schema) }, context);
    case "any":
      return anything(fc);
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return jsonNumber(schema, fc);
    case "string":
      return jsonString(schema, path, fc);
    case "array":
      return arrayOf(schema, context);
    case "object":
      return objectOf(schema, context);
    default:
      throw new NoArbitrary(`${path} has the type ${JSON.stringify(type)}`);
  }
};

const impliedType = (schema: JsonSchema): string => {
  if ("properties" in schema || "additionalProperties" in schema) return "object";
  if ("items" in schema || "prefixItems" in schema) return "array";
  if ("pattern" in schema || "minLength" in schema || "maxLength" in schema) return "string";
  if ("minimum" in schema || "maximum" in schema) return "number";
  return "any";
};

const referred = (ref: string, context: Context): Found => {
  const { root, level, path } = context;
  if (level >= levelsMax) return undefined;
  if (!ref.startsWith("#")) throw new NoArbitrary(`${path} refers to ${ref}`);
  let target: unknown = root;
  for (const key of ref.slice(1).split("/").filter(Boolean)) {
    target = isSchema(target) ? target[key.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return build(target, { ...context, level: level + 1 });
};

/** The parts of an intersection as one schema: of objects, that is the union of their fields. */
const merged = (schema: JsonSchema, { path }: Context): JsonSchema => {
  const { allOf, ...own } = schema;
  const parts = [own, ...(schemasOf(allOf) ?? [])];
  let result: JsonSchema = {};
  for (const part of parts) {
    if (!isSchema(part) || "$ref" in part || "anyOf" in part || "oneOf" in part) {
      throw new NoArbitrary(`${path} has an "allOf" of more than plain parts`);
    }
    const required = [result, part].flatMap((one) => schemasOf(one["required"]) ?? []);
    const properties = { ...(result["properties"] as object), ...(part["properties"] as object) };
    result = {
      ...result,
      ...part,
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(required.length > 0 ? { required } : {}),
    };
  }
  return result;
};

const numberAt = (schema: JsonSchema, key: string, otherwise: number): number =>
  typeof schema[key] === "number" ? schema[key] : otherwise;

const arrayOf = (schema: JsonSchema, context: Context): Found => {
  const { fc, path } = context;
  const first = (schemasOf(schema["prefixItems"]) ?? []).map((each, index) =>
    build(each, { ...context, path: `${path}[${index}]` }),
  );
  if (!first.every(isFound)) return undefined;
  const minLength = Math.max(0, numberAt(schema, "minItems", 0) - first.length);
  const most = numberAt(schema, "maxItems", Infinity) - first.length;
  const item = build(schema["items"] ?? true, { ...context, path: `${path}[]` });
  if (!item && minLength > 0) return undefined;
  const maxLength = item ? Math.max(minLength, Math.min(most, minLength + itemsMax)) : 0;
  const sizes = { minLength, maxLength };
  const selector = (value: unknown): string => JSON.stringify(value);
  const rest = !item
    ? fc.constant([])
    : schema["uniqueItems"] === true
      ? fc.uniqueArray(item, { ...sizes, selector })
      : fc.array(item, sizes);
  return fc.tuple(fc.tuple(...first), rest).map(([start, end]) => [...start, ...end]);
};

const objectOf = (schema: JsonSchema, context: Context): Found => {
  const { fc, path } = context;
  const properties = (schema["properties"] ?? {}) as JsonSchema;
  const required = (schemasOf(schema["required"]) ?? []) as readonly string[];
  const fields: Record<string, Arbitrary<unknown>> = {};
  for (const [key, each] of Object.entries(properties)) {
    const found = build(each, { ...context, path: `${path}.${key}` });
    if (found) fields[key] = found;
  }
  const missing = required.filter((key) => !fields[key]);
  if (missing.some((key) => key in properties)) return undefined;
  const whole = { ...fields, ...Object.fromEntries(missing.map((key) => [key, anything(fc)])) };
  const known = fc.record(whole, { requiredKeys: [...required], noNullPrototype: true });
  const others = otherFields(schema, Object.keys(whole), context);
  return others ? fc.tuple(others, known).map(([more, own]) => ({ ...more, ...own })) : known;
};

/** Fields that are not named: where the schema says what they hold, never where it merely allows any. */
const otherFields = (
  schema: JsonSchema,
  names: readonly string[],
  context: Context,
): Arbitrary<Record<string, unknown>> | undefined => {
  const { fc, path } = context;
  const { additionalProperties: given, propertyNames } = schema;
  const minKeys = numberAt(schema, "minProperties", 0);
  const open = isSchema(given) && (Object.keys(given).length > 0 || names.length === 0);
  if (!open && !(given !== false && minKeys > names.length)) return undefined;
  const value = build(given ?? true, { ...context, path: `${path}.*` });
  const key = build(propertyNames ?? { type: "string" }, { ...context, path: `${path} (key)` });
  if (!value || !key) return undefined;
  const isFree = (name: unknown): name is string =>
    typeof name === "string" && name !== "__proto__" && !names.includes(name);
  const maxKeys = Math.min(numberAt(schema, "maxProperties", Infinity), minKeys + itemsMax);
  return fc.dictionary(key.filter(isFree), value, {
    minKeys,
    maxKeys,
    noNullPrototype: true,
  });
};
