/**
 * After a salvage: what was lost stays known, and nothing is found a second time.
 *
 *     salvage ─ $gap ─ crash ─ open: nothing new ─ (10 x mutate, snapshot, now and then reopen): still marked
 *             ─ accept ─ crash ─ open: no longer marked
 */
import { openStore } from "taskwal";
import { expect } from "vitest";
import type { Look } from "./look.ts";
import { pageIn } from "./look.ts";
import type { Medium } from "./medium.ts";
import { openOptions, type MarksStore, type SmallStore } from "./small-store.ts";

const stateOf = (store: MarksStore, ids: Iterable<string>): unknown =>
  [...ids].map((id) => pageIn(store, id));

const reopen = (small: SmallStore, medium: Medium): Promise<MarksStore> =>
  openStore({ ...openOptions, dir: medium.dir, disk: medium.disk(), mirrors: small.kind.mirrors });

const expectNothingNew = ({ recovery }: MarksStore): void => {
  const { lost, damaged, entities, unattributed, torn } = recovery;
  expect({ lost, damaged, entities, unattributed, torn }).toEqual({
    lost: [],
    damaged: [],
    entities: [],
    unattributed: 0,
    torn: [],
  });
};

/** The loss is in the log for good, and the next opening finds the same state and no news. Returns that store. */
export const expectSettled = async (
  small: SmallStore,
  medium: Medium,
  look: Look,
): Promise<MarksStore> => {
  const { store, report, expected } = look;
  const gaps: unknown[] = [];
  for await (const { type, data } of store.records()) if (type === "$gap") gaps.push(data);
  const { lost, entities, unattributed, id } = report;
  expect(gaps).toEqual([expect.objectContaining({ lost, entities, unattributed, report: id })]);
  expect(medium.names()).toContain(`recovery/${id}.json`);
  const { damaged } = store;
  const state = stateOf(store, expected.pages.keys());
  // The $gap was acknowledged: it must be there although nothing was closed.
  if (medium.canCrash) medium.crash();
  else await store.close();
  const second = await reopen(small, medium);
  expectNothingNew(second);
  expect(second.damaged).toEqual(damaged);
  expect(stateOf(second, expected.pages.keys())).toEqual(state);
  return second;
};

/** Ten snapshots, each with new mutations, and a reopening after every third. Returns the store. */
export const expectStillMarked = async (
  small: SmallStore,
  medium: Medium,
  first: MarksStore,
): Promise<MarksStore> => {
  let store = first;
  const { damaged } = store;
  await store.pages.mutate("later", "page.opened", { mark: 1000 });
  for (let round = 1; round <= 10; round++) {
    await store.pages.mutate("later", "page.marked", { mark: 1000 + round });
    const [one] = damaged.filter(({ frozen }) => !frozen);
    if (one && store.pages.get(one.id))
      await store.pages.mutate(one.id, "page.marked", { mark: 2000 + round });
    await store.snapshot();
    expect(store.damaged).toEqual(damaged);
    if (round % 3 !== 0) continue;
    if (medium.canCrash && round % 2 === 0) medium.crash();
    else await store.close();
    store = await reopen(small, medium);
    expectNothingNew(store);
    expect(store.damaged).toEqual(damaged);
  }
  return store;
};

/** Accepting takes the mark away, for this life and the next ones. */
export const expectAcceptable = async (
  small: SmallStore,
  medium: Medium,
  store: MarksStore,
): Promise<void> => {
  for (const { id } of store.damaged) await store.accept("pages", id);
  expect(store.damaged).toEqual([]);
  if (medium.canCrash) medium.crash();
  else await store.close();
  const second = await reopen(small, medium);
  expect(second.damaged).toEqual([]);
  await second.snapshot();
  await second.close();
  const third = await reopen(small, medium);
  expect(third.damaged).toEqual([]);
  expect(third.recovery.clean).toBe(true);
  await third.close();
};
