/**
 * The door for values: what JSON would change is refused, by name and path, before anything is written.
 *
 *     accepted                              refused
 *     null, booleans, finite numbers        NaN, Infinity, -0, BigInt, symbols, functions
 *     strings (lone surrogates too)         Date, Map, class instances (anything with a prototype of its own)
 *     plain objects, arrays                 undefined or holes in arrays, `__proto__` keys, cycles (too deep)
 *     undefined properties and names on     more than depthMax levels, symbols as keys
 *     arrays: dropped
 *
 * The rule: a copy that comes out of here is frozen and equals JSON.parse(JSON.stringify(it)).
 */
import { depthMax } from "./limits.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Why a value was refused: `reason` is a clause ("is NaN"), `path` a JSON path ("$.a[3]"). */
export interface JsonDefect {
  readonly path: string;
  readonly reason: string;
}

class Refused extends Error {
  readonly reason: string;
  readonly keys: (string | number)[] = [];
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** A frozen deep copy of `value`, or the first defect found. */
export const copyJson = (
  value: unknown,
): { readonly ok: true; readonly value: JsonValue } | ({ readonly ok: false } & JsonDefect) =>
  guarded(() => copy(value, 0));

/**
 * Freezes `value` in place, all the way down, or tells its first defect. A part that is frozen already
 * is taken as checked: reducers build new entities around old, frozen parts.
 */
export const freezeJson = (value: unknown): JsonDefect | undefined => {
  const result = guarded(() => {
    freeze(value, 0);
    return null;
  });
  return result.ok ? undefined : { path: result.path, reason: result.reason };
};

const guarded = (
  work: () => JsonValue,
): { ok: true; value: JsonValue } | ({ ok: false } & JsonDefect) => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, path: pathOf(error.keys), reason: error.reason };
  }
};

const pathOf = (innermostFirst: readonly (string | number)[]): string =>
  innermostFirst.reduceRight<string>((path, key) => {
    const isName = /^[A-Za-z_$][\w$]*$/.test(String(key));
    return isName ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
  }, "$");

/** The reason why a value that is neither object nor array is refused, or undefined. */
const scalarDefect = (value: unknown): string | undefined => {
  if (typeof value === "string" || typeof value === "boolean") return undefined;
  if (value === undefined) return "is undefined, which JSON cannot hold here";
  if (typeof value !== "number") return `is a ${typeof value}, which JSON cannot hold`;
  if (!Number.isFinite(value)) return `is ${value}, which JSON cannot hold`;
  return Object.is(value, -0) ? "is -0, which JSON reads back as 0" : undefined;
};

const plainPrototype = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // Another realm's plain object (vm, jest): its prototype is the end of the chain too.
  return Object.getPrototypeOf(prototype) === null && "hasOwnProperty" in (prototype as object);
};

const assertContainer = (value: object, depth: number): void => {
  if (depth >= depthMax) throw new Refused(`is nested deeper than ${depthMax} levels`);
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw new Refused("has a symbol as a key, which JSON would drop");
  }
  if (Array.isArray(value) || plainPrototype(value)) return;
  throw new Refused(`is a ${value.constructor?.name ?? "class instance"}, which JSON would change`);
};

/** Notes under which key it was, on the way out: no frame per level is spent on paths. */
const under = (key: string | number, error: unknown): unknown => {
  if (error instanceof Refused) error.keys.push(key);
  return error;
};

const assertKey = (key: string): void => {
  if (key === "__proto__") throw new Refused("has a __proto__ key");
};

const copy = (value: unknown, depth: number): JsonValue => {
  if (value === null) return null;
  if (typeof value !== "object") {
    const defect = scalarDefect(value);
    if (defect !== undefined) throw new Refused(defect);
    return value as JsonValue;
  }
  assertContainer(value, depth);
  return Array.isArray(value) ? copyArray(value, depth) : copyObject(value, depth);
};

const copyArray = (value: readonly unknown[], depth: number): JsonValue => {
  const result: JsonValue[] = [];
  let index = 0;
  try {
    for (; index < value.length; index++) result.push(copy(value[index], depth + 1));
  } catch (error) {
    throw under(index, error);
  }
  return Object.freeze(result);
};

const copyObject = (value: object, depth: number): JsonValue => {
  const result: Record<string, JsonValue> = {};
  let at = "";
  try {
    for (const key of Object.keys(value)) {
      at = key;
      assertKey(key);
      const part = (value as Record<string, unknown>)[key];
      if (part !== undefined) result[key] = copy(part, depth + 1);
    }
  } catch (error) {
    throw under(at, error);
  }
  return Object.freeze(result);
};

const freeze = (value: unknown, depth: number): void => {
  if (value === null) return;
  if (typeof value !== "object") {
    const defect = scalarDefect(value);
    if (defect !== undefined) throw new Refused(defect);
    return;
  }
  assertContainer(value, depth);
  if (Object.isFrozen(value)) return;
  if (Array.isArray(value)) freezeArray(value, depth);
  else freezeObject(value as Record<string, unknown>, depth);
  Object.freeze(value);
};

const freezeArray = (value: readonly unknown[], depth: number): void => {
  let index = 0;
  try {
    // By index: a hole has no key, and JSON would write null for it.
    for (; index < value.length; index++) freeze(value[index], depth + 1);
  } catch (error) {
    throw under(index, error);
  }
};

const freezeObject = (value: Record<string, unknown>, depth: number): void => {
  let at = "";
  try {
    for (const key of Object.keys(value)) {
      at = key;
      assertKey(key);
      const part = value[key];
      // An optional field that a reducer left undefined is the same as one it left out.
      if (part === undefined) delete value[key];
      else freeze(part, depth + 1);
    }
  } catch (error) {
    throw under(at, error);
  }
};
