/**
 * What a recovery reached, held against what it may have reached.
 *
 *     too little      allowed                    else
 *     | · | · | acknowledged … issued |  refused, split, out of order, changed
 *
 * The rule: by value, whole states; a count would not see one entity in another's place.
 */
import { Broken } from "./inspect.ts";
import type { Dump, Expectation } from "./ledger.ts";

export const judge = (dump: Dump, { allowed, tooLittle }: Expectation): void => {
  if (allowed.includes(dump)) return;
  const wanted = `${dump}\n-- none of ${allowed.length}, the least is --\n${allowed[0] ?? ""}`;
  if (tooLittle.includes(dump)) throw new Broken("what was acknowledged is there", wanted);
  throw new Broken("what is there is a prefix of what was issued and not refused", wanted);
};
