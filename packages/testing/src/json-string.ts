/**
 * Strings that a JSON Schema describes: by format where there is one, else by pattern, else any.
 *
 * The rule: a format's pattern is not generated from, since it may be more than fast-check can read;
 * what does not fit it is left out by validating.
 */
import type { Arbitrary, FastCheck } from "./fast-check.ts";
import { NoArbitrary, type JsonSchema } from "./json-schema.ts";

const lengthMax = 12;

/** @throws NoArbitrary for a format or pattern that cannot be generated. */
export const jsonString = (
  schema: JsonSchema,
  path: string,
  fc: FastCheck,
): Arbitrary<string> | undefined => {
  const minLength = typeof schema["minLength"] === "number" ? schema["minLength"] : 0;
  const maxLength = typeof schema["maxLength"] === "number" ? schema["maxLength"] : Infinity;
  if (minLength > maxLength) return undefined;
  const fits = (text: string): boolean => text.length >= minLength && text.length <= maxLength;
  const { format, pattern, contentEncoding } = schema;
  if (typeof format === "string") {
    const found = byFormat(format, fc);
    if (found) return found;
    if (typeof pattern !== "string") throw new NoArbitrary(`${path} has the format "${format}"`);
  }
  if (typeof pattern === "string") return byPattern(pattern, path, fc).filter(fits);
  if (contentEncoding === "base64") return fc.base64String();
  const sizes = { minLength, maxLength: Math.min(maxLength, minLength + lengthMax) };
  // Lengths are counted differently where a character is more than one code unit.
  const wide = fc.string({ ...sizes, unit: "grapheme" }).filter(fits);
  return fc.oneof({ weight: 3, arbitrary: fc.string(sizes) }, { weight: 1, arbitrary: wide });
};

const byPattern = (pattern: string, path: string, fc: FastCheck): Arbitrary<string> => {
  try {
    return fc.stringMatching(new RegExp(pattern, "u"));
  } catch (cause) {
    throw new NoArbitrary(`${path} has the pattern ${pattern}, which fast-check cannot follow`, {
      cause,
    });
  }
};

const dayMs = 86_400_000;

const byFormat = (format: string, fc: FastCheck): Arbitrary<string> | undefined => {
  const instants = fc
    .integer({ min: 0, max: 40_000 * dayMs })
    .map((at) => new Date(at).toISOString());
  switch (format) {
    case "uuid":
      return fc.uuid({ version: [4, 7] });
    case "date-time":
      return instants;
    case "date":
      return instants.map((text) => text.slice(0, 10));
    case "time":
      return instants.map((text) => text.slice(11, 19));
    case "email":
      return fc
        .tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/), fc.domain())
        .map(([name, domain]) => `${name}@${domain}`);
    case "uri":
      // fc.webUrl takes two seconds to be made.
      return fc
        .tuple(fc.domain(), fc.stringMatching(/^(\/[a-z0-9._-]{1,6}){0,3}$/))
        .map(([domain, path]) => `https://${domain}${path}`);
    case "ipv4":
      return fc.ipV4();
    case "ipv6":
      return fc.ipV6();
    case "hostname":
      return fc.domain();
    default:
      return undefined;
  }
};
