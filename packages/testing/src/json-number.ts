/** Numbers that a JSON Schema describes: small ones as often as the ends of the range. */
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import type { JsonSchema } from "./json-schema.ts";

const bound = (schema: JsonSchema, key: string): number | undefined =>
  typeof schema[key] === "number" ? schema[key] : undefined;

/** Undefined if the range is empty. */
export const jsonNumber = (schema: JsonSchema, fc: FastCheck): Arbitrary<number> | undefined => {
  const step = bound(schema, "multipleOf");
  if (step !== undefined) return multiples(schema, step, fc);
  if (schema["type"] === "integer") return integers(schema, 1, fc);
  const low = bound(schema, "exclusiveMinimum");
  const high = bound(schema, "exclusiveMaximum");
  const min = Math.max(low ?? -Infinity, bound(schema, "minimum") ?? -Infinity);
  const max = Math.min(high ?? Infinity, bound(schema, "maximum") ?? Infinity);
  if (min > max) return undefined;
  const double = fc.double({
    noNaN: true,
    noDefaultInfinity: true,
    ...(Number.isFinite(min) ? { min, minExcluded: min === low } : {}),
    ...(Number.isFinite(max) ? { max, maxExcluded: max === high } : {}),
  });
  const whole = integers(schema, 1, fc);
  // JSON has no -0.
  return (whole ? fc.oneof(whole, double) : double).map((value) => (value === 0 ? 0 : value));
};

const multiples = (
  schema: JsonSchema,
  step: number,
  fc: FastCheck,
): Arbitrary<number> | undefined =>
  // Near zero, so that the product is exact.
  integers(schema, step, fc, 1_000_000)?.map((count) => count * step);

/** Integers n with n * step in the range. */
const integers = (
  schema: JsonSchema,
  step: number,
  fc: FastCheck,
  farthest = Number.MAX_SAFE_INTEGER,
): Arbitrary<number> | undefined => {
  const low = bound(schema, "exclusiveMinimum");
  const high = bound(schema, "exclusiveMaximum");
  const min = Math.ceil((bound(schema, "minimum") ?? -Infinity) / step);
  const max = Math.floor((bound(schema, "maximum") ?? Infinity) / step);
  const least = Math.max(min, low === undefined ? -Infinity : Math.floor(low / step) + 1);
  const most = Math.min(max, high === undefined ? Infinity : Math.ceil(high / step) - 1);
  const range = { min: clamp(least, farthest), max: clamp(most, farthest) };
  return range.min > range.max ? undefined : fc.integer(range);
};

const clamp = (value: number, farthest: number): number =>
  Math.min(farthest, Math.max(-farthest, value)) + 0;
