/**
 * A map that stays as it was made: Object.freeze does not reach the entries of a Map.
 * The rule: a model is shared by every store that is opened with it, so nobody can change it.
 */
export const frozenMap = <K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> => {
  const map = new Map(entries);
  const refuse = (): never => {
    throw new TypeError("a model cannot be changed");
  };
  return Object.freeze(Object.assign(map, { set: refuse, delete: refuse, clear: refuse }));
};
