/**
 * A map that stays as it was made: Object.freeze does not reach the entries of a Map.
 * The rule: a model is shared by every store that is opened with it, so nobody can change it.
 */
const refuse = (): never => {
  throw new TypeError("a model cannot be changed");
};

export const frozenMap = <K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> =>
  Object.freeze(Object.assign(new Map(entries), { set: refuse, delete: refuse, clear: refuse }));
