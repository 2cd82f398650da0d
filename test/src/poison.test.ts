/**
 * Poison: what a failed sync does to everyone who has to do with the store.
 *
 *     sync fails ─ pending reject "unknown" ─ "written" taken back and named ─ reads go on ─ reopen()
 */
import { createSimDisk, type SimDisk, type SimProcess } from "@taskwal/disk/sim";
import { ClosedError, DiskFailedError, type StoreEvents } from "taskwal";
import { expect, test } from "vitest";
import { settle } from "./world/fault-workload.ts";
import {
  notesOf,
  openNotes,
  refusalOf,
  type NoteOptions,
  type NoteStore,
} from "./world/note-model.ts";

interface Told {
  readonly poisoned: StoreEvents["poisoned"][0][];
  readonly failed: StoreEvents["mutation:failed"][0][];
}

const opened = async (
  process: SimProcess,
  options: NoteOptions = {},
): Promise<{ store: NoteStore; told: Told }> => {
  const told: Told = { poisoned: [], failed: [] };
  const store = await openNotes(process, {
    ...options,
    on: {
      poisoned: (facts) => told.poisoned.push(facts),
      "mutation:failed": (facts) => told.failed.push(facts),
    },
  });
  return { store, told };
};

const failSyncs = (sim: SimDisk, times: 1 | "forever" = 1): (() => void) =>
  sim.fail(({ kind, path }) => kind === "sync" && path.includes("/wal/"), "EIO", { times });

const create = (store: NoteStore, id: string, options = {}) =>
  store.notes.mutate(id, "note.created", { text: id }, options);

test("after a failed sync all that waits is rejected as unknown, later calls too, and reads go on", async () => {
  const sim = createSimDisk();
  const { store, told } = await opened(sim.process());
  await create(store, "a");
  failSyncs(sim);
  const errors = await Promise.all(
    ["b", "c"]
      .map((id) => refusalOf(create(store, id)))
      .concat(
        refusalOf(store.transact(({ notes }) => notes.mutate("a", "note.edited", { text: "new" }))),
      ),
  );
  for (const error of [...errors, await refusalOf(create(store, "d"))]) {
    expect(error).toBeInstanceOf(DiskFailedError);
    expect(error).toMatchObject({ outcome: "unknown", errno: "EIO", operation: "sync" });
  }
  expect(notesOf(store)).toEqual({ a: [1, "a"] });
  expect(store.poisoned).toBe(told.poisoned[0]?.error);
  expect(told.poisoned).toHaveLength(1);
  expect(told.failed, "all of them were awaited").toEqual([]);
});

test("a sync that failed is never tried again, and nothing is written behind it", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process());
  await create(store, "a");
  failSyncs(sim);
  await refusalOf(create(store, "b"));
  const before = sim.callCount;
  await refusalOf(create(store, "c"));
  await refusalOf(store.flush());
  await refusalOf(store.snapshot());
  expect(() => store.flushSync()).toThrow(DiskFailedError);
  sim.clock.advance(60_000);
  await settle();
  expect(sim.trace.slice(before)).toEqual([]);
});

test("what was visible as written and is not durable is taken back, and its sequences are named", async () => {
  const sim = createSimDisk();
  const { store, told } = await opened(sim.process());
  await create(store, "a");
  const { sequence: first } = await create(store, "b", { durability: "written" });
  await store.notes.append("a", "lines", { text: "one" }, { durability: "written" });
  expect(notesOf(store)).toEqual({ a: [2, "a", "one"], b: [1, "b"] });
  failSyncs(sim);
  // Nobody calls: the sync that is due within a second fails.
  sim.clock.advance(1_000);
  await settle();
  expect(notesOf(store)).toEqual({ a: [1, "a"] });
  expect(told.poisoned.map(({ takenBack }) => takenBack)).toEqual([[first, first + 1]]);
});

test("several changes of one entity that were visible as written are taken back to what is durable", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process());
  await create(store, "a");
  await store.notes.append("a", "lines", { text: "kept" });
  const durable = notesOf(store);
  for (const text of ["+", "-"]) {
    await store.notes.mutate("a", "note.extended", { text }, { durability: "written" });
    await store.notes.append("a", "lines", { text }, { durability: "written" });
  }
  await create(store, "b", { durability: "written" });
  await store.notes.mutate("b", "note.extended", { text: "+" }, { durability: "written" });
  failSyncs(sim);
  sim.clock.advance(1_000);
  await settle();
  expect(notesOf(store)).toEqual(durable);
  sim.clearFaults();
  sim.powerCut("none");
  expect(notesOf(await openNotes(sim.process()))).toEqual(durable);
});

/**
 * Found by the model campaign: a rotation (or the idle mark) syncs what was only written, and dies of
 * its next sync. The state then went back behind D: what was durable was no longer shown.
 */
test.each(["a rotation", "the idle mark"])(
  "what %s made durable before it failed is not taken back",
  async (by) => {
    const sim = createSimDisk();
    const { store, told } = await opened(sim.process(), { segmentBytesMax: 700 });
    await create(store, "a", { durability: "written" });
    let syncs = 0;
    sim.fail(
      ({ kind, path }) => kind === "sync" && path.includes("/wal/0") && (syncs += 1) === 2,
      "EIO",
    );
    if (by === "a rotation") {
      const big = { text: "x".repeat(700) };
      await refusalOf(store.notes.mutate("b", "note.created", big));
    } else {
      sim.clock.advance(60);
      await settle();
    }
    expect(store.poisoned).toBeInstanceOf(DiskFailedError);
    expect(store.sequence).toBe(2);
    expect(notesOf(store)).toEqual({ a: [1, "a"] });
    expect(told.poisoned.map(({ takenBack }) => takenBack)).toEqual([[]]);
  },
);

test("rejections that nobody awaits are told and end no process; flush throws the first of them", async () => {
  const sim = createSimDisk();
  const { store, told } = await opened(sim.process());
  const ended: unknown[] = [];
  const onUnhandled = (error: unknown): void => void ended.push(error);
  process.on("unhandledRejection", onUnhandled);
  failSyncs(sim);
  void create(store, "a");
  void store.notes.append("none", "lines", { text: "x" });
  void store.transact(({ notes }) => notes.mutate("b", "note.created", { text: "b" }));
  await settle();
  void create(store, "c");
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const named = told.failed.map(({ type, id }) => `${type} ${id}`);
  expect(named.toSorted()).toEqual(
    ["(transaction) ", "note.created a", "note.created c", "note.lines.appended none"].toSorted(),
  );
  expect(await refusalOf(store.flush())).toBe(told.failed[0]?.error);
  void store.snapshot();
  void store.compact();
  void store.flush();
  void store.accept("notes", "a");
  sim.fail(({ number }) => number !== undefined, "EIO");
  void store.reopen();
  await settle();
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(ended).toEqual([]);
  expect(await refusalOf(store.flush())).toMatchObject({ code: "DISK_FAILED" });
});

test.each(["fs-ext", "identity"] as const)(
  "reopen() works in the same process as soon as the disk does, however often it failed before (lock by %s)",
  async (lockBackend) => {
    const sim = createSimDisk();
    const { store, told } = await opened(sim.process("host", { lockBackend }));
    await create(store, "a");
    // The whole disk is gone: also LOCK cannot be written.
    const repair = sim.fail(({ number }) => number !== undefined, "EIO", { times: "forever" });
    await refusalOf(create(store, "b"));
    for (let tried = 0; tried < 3; tried += 1) {
      expect(await refusalOf(store.reopen())).toMatchObject({ code: "DISK_FAILED", errno: "EIO" });
      expect(notesOf(store), "reads go on").toEqual({ a: [1, "a"] });
      expect(await refusalOf(create(store, "c"))).toBeInstanceOf(DiskFailedError);
    }
    repair();
    const report = await store.reopen();
    expect(report.lost).toEqual([]);
    expect(store.poisoned).toBe(undefined);
    await create(store, "d");
    expect(told.poisoned).toHaveLength(1);
    const shown = notesOf(store);
    await store.close();
    const { store: next } = await opened(sim.process());
    expect(notesOf(next)).toEqual(shown);
    expect(Object.keys(shown)).toEqual(expect.arrayContaining(["a", "d"]));
  },
);

test("reopen() of a healthy store that fails half way can be tried again", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process());
  await create(store, "a");
  const repair = sim.fail(({ kind, path }) => kind === "create" && path.endsWith(".claim"), "EIO", {
    times: "forever",
  });
  expect(await refusalOf(store.reopen())).toBeInstanceOf(DiskFailedError);
  expect(notesOf(store)).toEqual({ a: [1, "a"] });
  const error = await refusalOf(create(store, "b"));
  expect(error instanceof DiskFailedError || error instanceof ClosedError, String(error)).toBe(
    true,
  );
  repair();
  await store.reopen();
  await create(store, "b");
  expect(notesOf(store)).toEqual({ a: [1, "a"], b: [1, "b"] });
});

test.each(["none", "all"] as const)(
  "a call of unknown outcome is repeated with its key and happens once (unsynced bytes: %s)",
  async (survive) => {
    const sim = createSimDisk();
    const { store } = await opened(sim.process());
    await create(store, "a");
    failSyncs(sim);
    const extend = (to: NoteStore) =>
      to.notes.mutate("a", "note.extended", { text: "+" }, { key: "once" });
    expect(await refusalOf(extend(store))).toMatchObject({ outcome: "unknown" });
    sim.powerCut(survive);
    const { store: next } = await opened(sim.process());
    await extend(next);
    await extend(next);
    expect(notesOf(next)).toEqual({ a: [2, "a+"] });
  },
);

test("a follower of records goes on over poison and reopen(), with durable records only", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process());
  const seen: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const { id, seq } of store.records({ follow: true, signal: stop.signal })) {
      if (id !== undefined) seen.push(`${seq} ${id}`);
    }
  })();
  const { sequence: a } = await create(store, "a");
  await settle();
  failSyncs(sim);
  await refusalOf(create(store, "b"));
  await settle();
  expect(seen).toEqual([`${a} a`]);
  await store.reopen();
  const hasB = store.notes.get("b") !== undefined;
  const { sequence: c } = await create(store, "c");
  await settle();
  stop.abort();
  await following;
  expect(seen).toEqual([`${a} a`, ...(hasB ? [`${a + 1} b`] : []), `${c} c`]);
});

test("with an emergency directory the durable state is dumped there, once", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process(), { emergencyDir: "/other" });
  await create(store, "a");
  await create(store, "b", { durability: "written" });
  failSyncs(sim);
  await refusalOf(create(store, "c"));
  await refusalOf(store.flush());
  await settle();
  const saved = sim.trace.filter(({ kind, to }) => kind === "rename" && to === "/other/state.json");
  expect(saved).toHaveLength(1);
  const dump = JSON.parse(Buffer.from(sim.readRaw("/other/state.json")).toString()) as {
    notes: { id: string }[];
  };
  expect(dump.notes.map(({ id }) => id)).toEqual(["a"]);
});

test("reopen() called twice, and close() beside it, leave one owner and then none", async () => {
  const sim = createSimDisk();
  const { store } = await opened(sim.process());
  failSyncs(sim);
  await refusalOf(create(store, "a"));
  await Promise.all([store.reopen(), store.reopen()]);
  await create(store, "b");
  const reopening = store.reopen();
  await store.close();
  await reopening;
  const { store: next } = await opened(sim.process());
  expect(next.notes.get("b")).toEqual({ id: "b", text: "b" });
});
