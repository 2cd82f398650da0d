/**
 * Which entity or field somebody means: an id, its beginning, or a path.
 *
 *     6f3a…                    an id, or its beginning if no other begins so
 *     task.6f3a.status         entity, id, field; `tasks["a.b"].logs[0].message` where a name has dots in it
 *
 * The rule: what is exact wins over what begins so; what fits several is not guessed but listed.
 */
import { UsageError } from "../usage-error.ts";
import type { EntityRef, StateAt } from "@taskwal/replay";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { pathParts } from "./redaction.ts";

export interface EntityPath {
  /** Undefined: every entity of that kind, or of all kinds. */
  readonly ref: EntityRef | undefined;
  readonly entity: string | undefined;
  readonly path: readonly string[];
}

/** What there is, by name. */
type Beings = Pick<StateAt, "entities" | "ids">;

/** Undefined if there is no such thing in that state. Throws UsageError if it fits several. */
export const findPath = (state: Beings, text: string): EntityPath | undefined => {
  const parts = pathParts(text);
  const [head = "", ...rest] = parts;
  const entity = state.entities().find((name) => name === head || `${name}s` === head);
  if (entity !== undefined) {
    if (rest.length === 0) return { ref: undefined, entity, path: [] };
    return within(state, [entity], rest);
  }
  return within(state, state.entities(), [text]) ?? within(state, state.entities(), parts);
};

/** As `findPath`, of what is there, and if nothing is, of all that ever was. */
export const findEver = (
  { offline }: Pick<Question, "offline">,
  state: Beings,
  text: string,
): EntityPath | undefined => {
  const idsOf = (entity: string): string[] =>
    offline.known().flatMap((ref) => (ref.entity === entity ? ref.id : []));
  return findPath(state, text) ?? findPath({ entities: () => state.entities(), ids: idsOf }, text);
};

/** The longest beginning of the parts that is an id; else the first part as the beginning of one. */
const within = (
  state: Beings,
  entities: readonly string[],
  parts: readonly string[],
): EntityPath | undefined => {
  const there = entities.map((entity) => ({ entity, ids: state.ids(entity) }));
  for (let length = parts.length; length > 0; length -= 1) {
    const id = parts.slice(0, length).join(".");
    const entity = there.find(({ ids }) => ids.includes(id))?.entity;
    if (entity !== undefined) return { ref: { entity, id }, entity, path: parts.slice(length) };
  }
  const [beginning = "", ...path] = parts;
  const found = there.flatMap(({ entity, ids }) =>
    ids.filter((id) => id.startsWith(beginning)).map((id) => ({ entity, id })),
  );
  if (found.length > 1) {
    const some = found.slice(0, 3).map(({ id }) => plain(id));
    throw new UsageError(
      `"${plain(beginning)}" is the beginning of ${found.length}: ${some.join(", ")}, …`,
    );
  }
  const [ref] = found;
  return ref && { ref, entity: ref.entity, path };
};

/** What stands at a path below a value; undefined if nothing does. */
export const valueAt = (value: unknown, path: readonly string[]): unknown => {
  let at = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
};
