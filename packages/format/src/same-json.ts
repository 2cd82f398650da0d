/**
 * Whether two values are the same JSON, whatever the order of their keys.
 *
 * The rule: the answer of comparing `canonicalJson` of both, without making two texts.
 */
import type { JsonValue } from "./json-value.ts";

type Fields = Readonly<Record<string, JsonValue>>;

export const isSameJson = (one: JsonValue | undefined, other: JsonValue | undefined): boolean => {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object") return false;
  if (one === null || other === null) return false;
  if (!Array.isArray(one) && !Array.isArray(other))
    return isSameObject(one as Fields, other as Fields);
  return Array.isArray(one) && Array.isArray(other) && isSameArray(one, other);
};

const isSameArray = (one: readonly JsonValue[], other: readonly JsonValue[]): boolean =>
  one.length === other.length && one.every((item, index) => isSameJson(item, other[index]));

const isSameObject = (one: Fields, other: Fields): boolean => {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && isSameJson(one[name], other[name]));
};
