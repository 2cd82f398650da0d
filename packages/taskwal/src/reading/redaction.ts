/**
 * Fields that are not to be shown: `--redact task.description` leaves the field's place and takes its value.
 *
 *     entity.field[.field…]        "*" is any name; what lies below a redacted field goes with it, names too
 *
 *     in a state, a change   that path; an index is no name: `task.logs.message` is the message of every entry
 *     in a payload           every field of that last name: a payload may nest what it sets, or be one entry of a list
 *
 * The rule: rather too much than too little; no answer shows what another one hides, and what hides nothing is told.
 */
import type { OfflineRecord } from "@taskwal/replay";
import { UsageError } from "../usage-error.ts";

export const redacted = "[redacted]";

type Path = readonly (string | number)[];

export interface Redaction {
  /** As they were given. */
  readonly paths: readonly string[];
  /** A value of a state, by where it stands below its entity. */
  readonly value: (entity: string, path: Path, value: unknown) => unknown;
  /** As much of a path as may be shown: it ends with a redacted field. */
  readonly path: (entity: string, path: Path) => Path;
  /** What a record brings. */
  readonly payload: (record: Pick<OfflineRecord, "entity" | "type" | "data">) => unknown;
  /** The paths that no value was hidden for, up to now. */
  readonly idle: () => readonly string[];
}

const partOfPath = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g;

/** Dots inside `["…"]` belong to a name. */
export const pathParts = (text: string): readonly string[] =>
  [...text.matchAll(partOfPath)].map(([, quoted, index, name]) => quoted ?? index ?? name ?? "");

/** Throws UsageError for a path that can hide nothing: it has to name a kind of entity and a field. */
export const redactionOf = (paths: readonly string[]): Redaction => {
  const hidden = paths.map(hiddenOf);
  return {
    paths,
    value: (entity, path, value) =>
      hide(hidden, [entity, ...path.filter((part) => typeof part === "string")], value),
    path: (entity, path) => {
      const names = [entity];
      for (const [index, part] of path.entries()) {
        if (typeof part === "string") names.push(part);
        if (hidden.some(({ parts }) => parts.length <= names.length && agrees(parts, names)))
          return path.slice(0, index + 1);
      }
      return path;
    },
    payload: ({ entity: known, type, data }) => {
      // Of a type that no model here knows, the kind is what its name begins with.
      const entity = known ?? type.split(".")[0] ?? "";
      const mine = hidden.filter(({ parts }) => agrees(parts, [entity]));
      const list = listOf(entity, type);
      return hideNames(mine, list === undefined ? data : hide(mine, [entity, list], data));
    },
    idle: () => hidden.filter(({ hides }) => !hides).map(({ text }) => text),
  };
};

interface Hidden {
  readonly text: string;
  /** The kind of entity, then names. */
  readonly parts: readonly string[];
  hides: boolean;
}

const hiddenOf = (text: string): Hidden => {
  const parts = [...text.matchAll(partOfPath)].flatMap(
    ([, quoted, , name]) => quoted ?? name ?? [],
  );
  if (parts.length > 1) return { text, parts, hides: false };
  throw new UsageError(
    `--redact "${text}" names no field: it takes a kind and a field, such as task.description`,
  );
};

/** Of `task.logs.appended`, whose payload is an entry of the list: "logs". */
const listOf = (entity: string, type: string): string | undefined => {
  const [start, end] = [`${entity}.`, ".appended"];
  if (!type.startsWith(start) || !type.endsWith(end)) return undefined;
  return type.slice(start.length, -end.length);
};

const hide = (hidden: readonly Hidden[], path: readonly string[], value: unknown): unknown => {
  const alive = hidden.filter(({ parts }) => agrees(parts, path));
  if (alive.length === 0 || value === undefined) return value;
  const reached = alive.filter(({ parts }) => parts.length <= path.length);
  if (reached.length > 0) return taken(reached);
  if (Array.isArray(value)) return value.map((item) => hide(alive, path, item));
  return eachField(value, (name, field) => hide(alive, [...path, name], field));
};

const hideNames = (hidden: readonly Hidden[], value: unknown): unknown => {
  if (hidden.length === 0) return value;
  if (Array.isArray(value)) return value.map((item) => hideNames(hidden, item));
  return eachField(value, (name, field) => {
    const named = hidden.filter(({ parts }) => [name, "*"].includes(parts.at(-1) ?? ""));
    return named.length > 0 ? taken(named) : hideNames(hidden, field);
  });
};

const taken = (by: readonly Hidden[]): string => {
  for (const one of by) one.hides = true;
  return redacted;
};

const eachField = (value: unknown, change: (name: string, field: unknown) => unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(name, field)]))
    : value;

/** A kind may be written in the plural, as in every path of the command. */
const agrees = (parts: readonly string[], path: readonly string[]): boolean =>
  path.every((name, index) => {
    const part = parts[index];
    if (part === undefined || part === "*" || part === name) return true;
    return index === 0 && part === `${name}s`;
  });
