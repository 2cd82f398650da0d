/**
 * Fields that are not to be shown: `--redact task.description` leaves the field's place and takes its value.
 *
 *     entity.field[.field…]        "*" is any name; what lies below a redacted field goes with it
 *
 *     in a state, a change   that path; an index is no name: `task.logs.message` is the message of every entry
 *     in a payload           every field of that last name: a payload may nest what it sets, or be one entry of a list
 *
 * The rule: rather too much than too little; no answer shows what another one hides.
 */
export const redacted = "[redacted]";

export interface Redaction {
  /** A value of a state, by where it stands below its entity. */
  readonly value: (entity: string, path: readonly (string | number)[], value: unknown) => unknown;
  readonly payload: (entity: string | undefined, data: unknown) => unknown;
}

/** Dots inside `["…"]` belong to a name. */
export const pathParts = (text: string): readonly string[] =>
  [...text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? "",
  );

export const redactionOf = (paths: readonly string[]): Redaction => {
  const hidden = paths.map(pathParts).filter((parts) => parts.length > 1);
  return {
    value: (entity, path, value) =>
      hide(hidden, [entity, ...path.filter((part) => typeof part === "string")], value),
    payload: (entity, data) => {
      const mine = hidden.filter(([of]) => of === "*" || of === entity);
      return hideNames(new Set(mine.map((parts) => parts.at(-1) ?? "*")), data);
    },
  };
};

const hide = (
  hidden: readonly (readonly string[])[],
  path: readonly string[],
  value: unknown,
): unknown => {
  const alive = hidden.filter((parts) => agrees(parts, path));
  if (alive.length === 0 || value === undefined) return value;
  if (alive.some((parts) => parts.length <= path.length)) return redacted;
  if (Array.isArray(value)) return value.map((item) => hide(alive, path, item));
  return eachField(value, (name, field) => hide(alive, [...path, name], field));
};

const hideNames = (names: ReadonlySet<string>, value: unknown): unknown => {
  if (names.size === 0) return value;
  if (Array.isArray(value)) return value.map((item) => hideNames(names, item));
  return eachField(value, (name, field) =>
    names.has(name) || names.has("*") ? redacted : hideNames(names, field),
  );
};

const eachField = (value: unknown, change: (name: string, field: unknown) => unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(name, field)]))
    : value;

const agrees = (parts: readonly string[], path: readonly string[]): boolean =>
  path.every((name, index) => {
    const part = parts[index];
    return part === undefined || part === "*" || part === name;
  });
