/**
 * JSON with one spelling per value: keys sorted. The only door to `fast-json-stable-stringify`.
 *
 * Used where bytes are compared (snapshot entities, digests, the payload behind an idempotency key);
 * a record keeps the order in which its payload was given. The rule: only values that `copyJson` has
 * passed come here, since the library writes NaN as null and Map as {}.
 */
import stableStringify from "fast-json-stable-stringify";

export const canonicalJson = (value: unknown): string => stableStringify(value);
