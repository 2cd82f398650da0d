/**
 * flushSync at any instant of a batch: in flight, waiting for its turn, failed and not yet told.
 *
 * The rule: what it acknowledges is on the disk, once; a call that a full disk refuses is in no state,
 * and what builds on it goes with it.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { DiskFailedError } from "taskwal";
import { expect, test } from "vitest";
import { settle } from "./world/fault-workload.ts";
import { notesOf, openNotes, refusalOf } from "./world/note-model.ts";

const turns = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 1) await Promise.resolve();
};

const refusalNow = (work: () => void): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
};

/**
 * Found by the model campaign: a batch that a full disk had refused, and whose rejection was a few turns
 * away, was acknowledged by a flushSync in between: with sequence 0, and not in the log.
 */
test("acknowledges nothing of a batch that failed and is not told of yet, whatever the turn", async () => {
  const outcomes = new Set<string>();
  for (let wait = 0; wait < 60; wait += 1) {
    const sim = createSimDisk();
    const store = await openNotes(sim.process());
    const big = { text: "x".repeat(900) };
    const told: number[] = [];
    store.on("mutation", ({ sequence }) => told.push(sequence));
    sim.capacityBytes = sim.usedBytes + 700;
    const first = refusalOf(store.notes.mutate("a", "note.created", big));
    await turns(Math.min(wait, 5));
    const second = refusalOf(store.notes.mutate("a", "note.extended", { text: "y" }));
    const third = refusalOf(store.notes.mutate("b", "note.created", { text: "b" }));
    await turns(Math.max(0, wait - 5));
    let refusal: unknown;
    try {
      store.flushSync();
    } catch (error) {
      refusal = error;
    }
    outcomes.add(refusal instanceof DiskFailedError ? refusal.outcome : String(refusal));
    const refusals = await Promise.all([first, second, third]);
    sim.capacityBytes = undefined;
    const shown = notesOf(store);
    const poisoned = store.poisoned !== undefined;
    for (const [at, refused] of refusals.entries()) {
      if (refused === undefined) expect(Object.keys(shown)).toContain(at === 2 ? "b" : "a");
    }
    expect(
      told.every((sequence) => sequence > 1),
      `${wait}: ${told.join()}`,
    ).toBe(true);
    sim.powerCut("none");
    const next = await openNotes(sim.process());
    if (!poisoned) expect(notesOf(next), String(wait)).toEqual(shown);
    expect(next.recovery.lost).toEqual([]);
  }
  expect(outcomes).toContain("not-written");
});

test("twice in one turn writes once what waits, whatever the turn", async () => {
  for (let wait = 0; wait < 30; wait += 1) {
    const sim = createSimDisk();
    const store = await openNotes(sim.process());
    // Something on the chain, so that the append has to wait for its turn.
    sim.clock.advance(60);
    await turns(wait % 3);
    const created = store.notes.mutate("a", "note.created", { text: "a" });
    await turns(wait);
    store.flushSync();
    store.flushSync();
    const { sequence } = await created;
    await store.notes.append("a", "lines", { text: "1" });
    await settle();
    const seen: unknown[] = [];
    for await (const { seq, type } of store.records({ from: sequence })) seen.push([seq, type]);
    expect(seen, String(wait)).toEqual([
      [sequence, "note.created"],
      [sequence + 1, "note.lines.appended"],
    ]);
    const shown = notesOf(store);
    sim.powerCut("none");
    const next = await openNotes(sim.process());
    expect(next.recovery.clean).toBe(true);
    expect(notesOf(next)).toEqual(shown);
  }
});

/**
 * Found by the metamorphic campaign: a batch was in flight as "written" when flushSync made it durable.
 * Its late end kept its bytes for the next flushSync, which wrote them into the next segment, behind its
 * end: the store took that for another writer, and died.
 */
test("writes nothing of an older segment into a newer one, whatever the turn", async () => {
  for (let wait = 0; wait < 40; wait += 1) {
    const sim = createSimDisk();
    const store = await openNotes(sim.process(), { segmentBytesMax: 1_000 });
    const create = (id: string, length: number) =>
      store.notes.mutate(
        id,
        "note.created",
        { text: id.repeat(length) },
        { durability: "written" },
      );
    const first = create("a", 400);
    await turns(wait);
    store.flushSync();
    await first;
    await create("b", 200);
    expect(sim.listRaw().filter((path) => path.endsWith(".jsonl"))).toHaveLength(2);
    store.flushSync();
    expect(store.poisoned, String(wait)).toBe(undefined);
    sim.powerCut("none");
    const next = await openNotes(sim.process());
    expect(next.recovery.clean, String(wait)).toBe(true);
    expect(Object.keys(notesOf(next))).toEqual(["a", "b"]);
  }
});

/**
 * Found by the model campaign: a flushSync whose sync failed came just before a rotation, and that went
 * on: the dead writer sealed bytes that were not durable, and the next opening told of a loss.
 */
test.each(["synced", "written"] as const)(
  "that fails before a rotation ends the writer: nothing is sealed, started or told (%s), whatever the turn",
  async (durability) => {
    let died = 0;
    for (let wait = 0; wait < 60; wait += 1) {
      const sim = createSimDisk();
      const store = await openNotes(sim.process(), { segmentBytesMax: 900 });
      await store.notes.mutate("a", "note.created", { text: "a".repeat(300) });
      const repair = sim.fail(
        ({ kind, path }) => kind === "sync" && path.includes("/wal/0"),
        "EIO",
        { afterSync: "revert" },
      );
      const text = "b".repeat(300);
      const second = refusalOf(store.notes.mutate("b", "note.created", { text }, { durability }));
      await turns(wait);
      const refusal = refusalNow(() => store.flushSync());
      const before = sim.callCount;
      const isPoisoned = store.poisoned !== undefined;
      const told = await second;
      await settle();
      if (isPoisoned && refusal !== undefined) {
        died += 1;
        expect(told, String(wait)).toBe(store.poisoned);
        expect(Object.keys(notesOf(store))).toEqual(["a"]);
        const later = sim.trace.slice(before).filter(({ path }) => path.includes(".jsonl"));
        expect(later, String(wait)).toEqual([]);
      }
      repair();
      const { lost, damaged } = await store.reopen();
      expect({ lost, damaged }, String(wait)).toEqual({ lost: [], damaged: [] });
    }
    expect(died).toBeGreaterThan(0);
  },
);

/**
 * Found by reading: a listener that was told of the first of two calls on one entity made a third and flushed. The third
 * was shown, then the second over it; the next mutation had the third one's version again, and the log no longer replayed.
 */
test("called by a listener that is told of a part of a batch, shows the rest of it first", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "0" });
  const told: (readonly [number, string | undefined])[] = [];
  let nested: Promise<unknown> | undefined;
  store.on("mutation", ({ version }) => {
    told.push([version, store.notes.get("a")?.text]);
    if (nested) return;
    nested = store.notes.mutate("a", "note.extended", { text: "c" });
    store.flushSync();
  });
  const calls = ["a", "b"].map((text) => store.notes.mutate("a", "note.extended", { text }));
  const versions = (await Promise.all(calls)).map(({ version }) => version);
  expect([...versions, await nested]).toMatchObject([2, 3, { version: 4 }]);
  expect(told).toEqual([
    [2, "0a"],
    [3, "0ab"],
    [4, "0abc"],
  ]);
  const next = await store.notes.mutate("a", "note.extended", { text: "d" });
  expect(next).toMatchObject({ version: 5, value: { text: "0abcd" } });
  sim.powerCut("none");
  const again = await openNotes(sim.process());
  expect(again.notes.get("a")?.text).toBe("0abcd");
});

/**
 * Found by the model campaign: a batch was written, its queue was a few turns away from showing it, and the sync of a
 * flushSync in between failed. The store was dead, had named what it took back, and then showed and acknowledged that batch.
 */
test("shows nothing more once its sync has failed, also not what was written and not told of yet, whatever the turn", async () => {
  let rejected = 0;
  for (let wait = 0; wait < 40; wait += 1) {
    const sim = createSimDisk();
    const store = await openNotes(sim.process());
    const told: number[] = [];
    const takenBack: number[] = [];
    store.on("mutation", ({ sequence }) => told.push(sequence));
    store.on("poisoned", (facts) => takenBack.push(...facts.takenBack));
    const created = store.notes.mutate(
      "a",
      "note.created",
      { text: "a" },
      { durability: "written" },
    );
    const refused = refusalOf(created);
    await turns(wait);
    const toldBefore = told.length;
    const isOfLog = (path: string): boolean => path.includes("/wal/0");
    sim.fail(({ kind, path }) => kind === "sync" && isOfLog(path), "EIO", { afterSync: "revert" });
    expect(refusalNow(() => store.flushSync())).toBeInstanceOf(DiskFailedError);
    await settle();
    expect(told.slice(toldBefore), String(wait)).toEqual([]);
    expect(takenBack, String(wait)).toEqual(told);
    expect(notesOf(store)).toEqual({});
    if (told.length > 0) continue;
    rejected += 1;
    expect(await refused, String(wait)).toMatchObject({ outcome: "unknown" });
  }
  expect(rejected).toBeGreaterThan(0);
});
