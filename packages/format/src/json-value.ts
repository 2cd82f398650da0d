/**
 * The door for values: what JSON would change is refused, by name and path, before anything is written.
 *
 *     accepted                              refused
 *     null, booleans, finite numbers        NaN, Infinity, -0, BigInt, symbols, functions
 *     strings (lone surrogates too)         Date, Map, class instances (anything with a prototype of its own)
 *     plain objects, arrays                 undefined or holes in arrays, `__proto__` keys, cycles (too deep)
 *     undefined properties: dropped         more than depthMax levels
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
    if (typeof key === "number") return `${path}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
  }, "$");

/** The reason why a value that is neither object nor array is refused, or undefined. */
const scalarDefect = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      if (!Number.isFinite(value)) return `is ${value}, which JSON cannot hold`;
      return Object.is(value, -0) ? "is -0, which JSON reads back as 0" : undefined;
    case "undefined":
      return "is undefined, which JSON cannot hold here";
    default:
      return `is a ${typeof value}, which JSON cannot hold`;
  }
};

const plainPrototype = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // Another realm's plain object (vm, jest): its prototype is the end of the chain too.
  return Object.getPrototypeOf(prototype) === null && "hasOwnProperty" in (prototype as object);
};

const assertContainer = (value: object, depth: number): void => {
  if (depth >= depthMax) throw new Refused(`is nested deeper than ${depthMax} levels`);
  if (Array.isArray(value) || plainPrototype(value)) return;
  throw new Refused(`is a ${value.constructor?.name ?? "class instance"}, which JSON would change`);
};

const within = <T>(key: string | number, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refused) error.keys.push(key);
    throw error;
  }
};

const assertKey = (object: object, key: string): void => {
  if (key === "__proto__") throw new Refused("has a __proto__ key");
  if (Object.getOwnPropertySymbols(object).length > 0) {
    throw new Refused("has a symbol as a key, which JSON would drop");
  }
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
  for (let index = 0; index < value.length; index++) {
    result.push(within(index, () => copy(value[index], depth + 1)));
  }
  return Object.freeze(result);
};

const copyObject = (value: object, depth: number): JsonValue => {
  const result: Record<string, JsonValue> = {};
  for (const key of Object.keys(value)) {
    assertKey(value, key);
    const part = (value as Record<string, unknown>)[key];
    if (part === undefined) continue;
    const scalar = typeof part !== "object" && scalarDefect(part) === undefined;
    result[key] = scalar ? (part as JsonValue) : within(key, () => copy(part, depth + 1));
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
  if (Object.isFrozen(value)) return;
  assertContainer(value, depth);
  for (const key of Object.keys(value)) {
    if (!Array.isArray(value)) assertKey(value, key);
    const part = (value as Record<string, unknown>)[key];
    // An optional field that a reducer left undefined is the same as one it left out.
    if (part === undefined && !Array.isArray(value)) delete (value as Record<string, unknown>)[key];
    else within(key, () => freeze(part, depth + 1));
  }
  Object.freeze(value);
};
