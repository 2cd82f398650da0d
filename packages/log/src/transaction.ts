/**
 * Which record may stand behind which: a transaction is its members in order, with nothing in between.
 *
 *     1/3 2/3 3/3   -   1/2 2/2        may follow
 *     1/3 | 3/3     1/3 | -     - | 2/3      may not: at each bar one transaction lacks its end or its beginning
 *
 * The rule: it is asked of each two neighbours, wherever they are read, so that every opening sees the same breaks.
 */

/** A record's place in its transaction: i of n; undefined without one. */
export type Member = readonly [index: number, count: number] | undefined;

/** Members up to this one whose transaction goes on behind it. */
export const unfinished = (member: Member): number =>
  member && member[0] < member[1] ? member[0] : 0;

/** Whether a record may stand right behind another, or (`before` undefined) behind none. */
export const mayFollow = (before: Member, member: Member): boolean => {
  const index = member ? member[0] : 1;
  if (index !== unfinished(before) + 1) return false;
  return index === 1 || member?.[1] === before?.[1];
};
