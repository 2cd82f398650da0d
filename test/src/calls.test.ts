/**
 * What a call may ask for, and what it then gets: versions, keys, signals, transactions, a full queue.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { ConflictError, InvalidMutationError, type StoreEvents } from "taskwal";
import { expect, test } from "vitest";
import { settle } from "./world/fault-workload.ts";
import {
  notesOf,
  openNotes,
  refusalOf,
  type NoteOptions,
  type NoteStore,
} from "./world/note-model.ts";

const opened = async (options: NoteOptions = {}) => {
  const sim = createSimDisk();
  return { sim, store: await openNotes(sim.process(), options) };
};

const create = (store: NoteStore, id: string, options = {}) =>
  store.notes.mutate(id, "note.created", { text: id }, options);
const extend = (store: NoteStore, id: string, text: string, options = {}) =>
  store.notes.mutate(id, "note.extended", { text }, options);

test("an expected version is held against what is pending, not only against what is shown", async () => {
  const { store } = await opened();
  const [created, first, second] = await Promise.all([
    create(store, "a", { expectedVersion: "absent" }),
    extend(store, "a", "1", { expectedVersion: 1 }),
    refusalOf(extend(store, "a", "2", { expectedVersion: 1 })),
  ]);
  expect([created.version, first.version]).toEqual([1, 2]);
  expect(second).toBeInstanceOf(ConflictError);
  expect(second).toMatchObject({ id: "a", expected: 1, current: 2, exists: true });
  const cases = [
    [create(store, "a"), { expected: "absent", current: 2, exists: true }],
    [create(store, "a", { expectedVersion: "absent" }), { expected: "absent", exists: true }],
    [extend(store, "b", "x"), { expected: "exists", current: 0, exists: false }],
    [extend(store, "b", "x", { expectedVersion: "exists" }), { expected: "exists", exists: false }],
    [extend(store, "b", "x", { expectedVersion: 3 }), { expected: 3, current: 0, exists: false }],
  ] as const;
  for (const [call, facts] of cases) {
    const error = await refusalOf(call);
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject(facts);
  }
  // The version of what was deleted goes on counting: an old number never fits the new one.
  await store.notes.mutate("a", "note.deleted", {}, { expectedVersion: 2 });
  expect((await create(store, "a", { expectedVersion: "absent" })).version).toBe(4);
  expect(notesOf(store)).toEqual({ a: [4, "a"] });
});

test.each(["in the log", "in a snapshot"] as const)(
  "the same call with the same key happens once: repeated, at the same time, and after a restart (%s)",
  async (place) => {
    const { sim, store } = await opened();
    await create(store, "a");
    const [one, two] = await Promise.all([
      extend(store, "a", "+", { key: "k" }),
      extend(store, "a", "+", { key: "k" }),
    ]);
    const three = await extend(store, "a", "+", { key: "k" });
    expect([two.sequence, three.sequence]).toEqual([one.sequence, one.sequence]);
    expect([two.version, three.version]).toEqual([2, 2]);
    const both = (to: NoteStore) =>
      to.transact(
        ({ notes }) => {
          notes.mutate("a", "note.extended", { text: "T" });
          notes.mutate("b", "note.created", { text: "b" });
          return "ran";
        },
        { key: "tx" },
      );
    expect(await Promise.all([both(store), both(store)])).toEqual(["ran", undefined]);
    if (place === "in a snapshot") await store.snapshot();
    sim.powerCut("none");
    const next = await openNotes(sim.process());
    expect(next.recovery.snapshot === undefined).toBe(place === "in the log");
    expect(await extend(next, "a", "+", { key: "k" })).toMatchObject({
      version: 2,
      sequence: one.sequence,
    });
    expect(await both(next)).toBe(undefined);
    const other = await refusalOf(extend(next, "a", "another", { key: "k" }));
    expect(other).toBeInstanceOf(ConflictError);
    expect(other).toMatchObject({ expected: "key", key: "k" });
    expect(notesOf(next)).toEqual({ a: [3, "a+T"], b: [1, "b"] });
  },
);

test("a snapshot remembers the same of keys, whether it is taken in the life of their calls or after a replay", async () => {
  const { sim, store } = await opened();
  await create(store, "a", { key: "one" });
  await store.transact(
    ({ notes }) => {
      notes.mutate("a", "note.extended", { text: "T" });
      notes.mutate("b", "note.created", { text: "b" });
    },
    { key: "several" },
  );
  const keysOf = async (from: NoteStore): Promise<unknown> => {
    await from.snapshot();
    const text = Buffer.from(sim.readRaw("/state/state.json")).toString("utf8");
    return (JSON.parse(text) as { engine: { keys: unknown } }).engine.keys;
  };
  const keys = await keysOf(store);
  expect(keys).toMatchObject([{ key: "one" }, { key: "several" }]);
  sim.removeRaw("/state/state.json");
  sim.powerCut("none");
  const next = await openNotes(sim.process());
  expect(next.recovery.snapshot).toBe(undefined);
  expect(await keysOf(next)).toEqual(keys);
});

test("a key whose call was refused is free again", async () => {
  const { store } = await opened();
  expect(await refusalOf(extend(store, "a", "x", { key: "k" }))).toBeInstanceOf(ConflictError);
  await create(store, "a");
  await extend(store, "a", "x", { key: "k" });
  expect(notesOf(store)).toEqual({ a: [2, "ax"] });
});

test("a signal cancels only what still waits in the queue; later calls of the same entity survive", async () => {
  const { sim, store } = await opened();
  await create(store, "a");
  const release = sim.hang(({ kind }) => kind === "write");
  const stop = new AbortController();
  const { signal } = stop;
  const written = extend(store, "a", "1", { signal });
  await settle();
  const calls = [
    extend(store, "a", "2", { signal }),
    extend(store, "a", "3"),
    store.notes.append("a", "lines", { text: "line" }, { signal }),
    store.notes.append("a", "lines", { text: "kept" }),
    extend(store, "a", "4", { expectedVersion: 6 }),
  ];
  const outcomes = Promise.all(calls.map(refusalOf));
  stop.abort(new Error("no longer wanted"));
  release();
  expect((await written).version).toBe(2);
  const [cancelled, kept, line, keptLine, stale] = await outcomes;
  expect(cancelled).toMatchObject({ message: "no longer wanted" });
  expect(line).toMatchObject({ message: "no longer wanted" });
  expect([kept, keptLine]).toEqual([undefined, undefined]);
  expect(stale, "it counted on a version that never came").toBeInstanceOf(ConflictError);
  expect(await refusalOf(extend(store, "a", "5", { signal }))).toMatchObject({
    message: "no longer wanted",
  });
  const shown = { a: [4, "a13", "kept"] };
  expect(notesOf(store)).toEqual(shown);
  sim.powerCut("none");
  expect(notesOf(await openNotes(sim.process()))).toEqual(shown);
});

/** A call that is being written, "written" enough for its caller, and one behind it that can be cancelled. */
const withCancellable = async () => {
  const { sim, store } = await opened();
  await create(store, "a");
  const release = sim.hang(({ kind }) => kind === "write");
  void extend(store, "a", "1", { durability: "written" });
  await settle();
  const stop = new AbortController();
  const cancelled = refusalOf(extend(store, "a", "2", { signal: stop.signal }));
  const cancel = (): void => {
    stop.abort(new Error("no longer wanted"));
    release();
  };
  return { sim, store, cancelled, cancel };
};

test("a transaction behind a call that is cancelled runs again: it keeps nothing of what it read of it", async () => {
  const { sim, store, cancelled, cancel } = await withCancellable();
  let runs = 0;
  const copied = store.transact(({ notes }) => {
    runs += 1;
    const text = notes.get("a")?.text ?? "";
    notes.mutate("copy", "note.created", { text });
    return text;
  });
  const onlyOnce = store.transact(({ notes }) => {
    const { text } = notes.get("a") ?? {};
    if (text?.endsWith("2")) notes.mutate("of-2", "note.created", { text });
    return text;
  });
  const refused = refusalOf(
    store.transact(({ notes }) => {
      if (!notes.get("a")?.text.endsWith("2")) throw new RangeError("there is no 2");
      notes.mutate("of-2-too", "note.created", { text: "2" });
    }),
  );
  const last = extend(store, "copy", "!");
  cancel();
  await last;
  expect(await cancelled).toMatchObject({ message: "no longer wanted" });
  expect([await copied, runs]).toEqual(["a1", 2]);
  expect(await onlyOnce, "what has come to nothing settles too").toBe("a1");
  expect(await refused).toBeInstanceOf(RangeError);
  const shown = { a: [2, "a1"], copy: [2, "a1!"] };
  expect(notesOf(store)).toEqual(shown);
  sim.powerCut("none");
  expect(notesOf(await openNotes(sim.process()))).toEqual(shown);
});

test("a transaction that comes to nothing when it runs again settles once what is before it is durable", async () => {
  const { sim, store, cancelled, cancel } = await withCancellable();
  const empty = store.transact(({ notes }) => {
    if (notes.get("a")?.text === "a12") notes.mutate("b", "note.created", { text: "b" });
  });
  cancel();
  await empty;
  expect(await cancelled).toMatchObject({ message: "no longer wanted" });
  const shown = { a: [2, "a1"] };
  expect(notesOf(store)).toEqual(shown);
  sim.powerCut("none");
  expect(notesOf(await openNotes(sim.process())), "what was written before it is durable").toEqual(
    shown,
  );
});

test("a transaction reads its own writes, shows all at once, and is one piece in the log", async () => {
  const { store } = await opened();
  await create(store, "a");
  const running = store.transact(({ notes }) => {
    notes.mutate("a", "note.extended", { text: "!" });
    notes.append("a", "lines", { text: "one" });
    notes.mutate("b", "note.created", { text: notes.get("a")?.text ?? "" });
    expect(notes.list("a", "lines")).toEqual([{ text: "one" }]);
    expect([notes.version("a"), notes.version("b")]).toEqual([3, 1]);
    return notes.get("b");
  });
  expect(notesOf(store), "nothing is shown before it is durable").toEqual({ a: [1, "a"] });
  expect(await running).toEqual({ id: "b", text: "a!" });
  expect(notesOf(store)).toEqual({ a: [3, "a!", "one"], b: [1, "a!"] });
  const members: unknown[] = [];
  for await (const { tx } of store.records()) if (tx) members.push(tx);
  expect(members).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
});

test("a transaction that throws, or fails half way, or returns a promise, leaves nothing behind", async () => {
  const { sim, store } = await opened();
  await create(store, "a");
  const before = sim.callCount;
  const own = new Error("the host's own");
  const fail = (work: (notes: { mutate: NoteTransaction }) => unknown) =>
    refusalOf(
      store.transact(({ notes }) => {
        notes.mutate("a", "note.extended", { text: "x" });
        notes.append("a", "lines", { text: "x" });
        return work(notes as never);
      }),
    );
  expect(
    await fail(() => {
      throw own;
    }),
  ).toBe(own);
  expect(await fail((notes) => notes.mutate("a", "note.edited", { text: "throw" }))).toBeInstanceOf(
    RangeError,
  );
  expect(await fail((notes) => notes.mutate("a", "note.created", { text: "x" }))).toBeInstanceOf(
    ConflictError,
  );
  expect(await fail(() => Promise.resolve())).toBeInstanceOf(InvalidMutationError);
  await settle();
  expect(sim.callCount, "nothing was written").toBe(before);
  await extend(store, "a", "y", { expectedVersion: 1 });
  expect(notesOf(store)).toEqual({ a: [2, "ay"] });
});
type NoteTransaction = (id: string, type: string, payload: object) => unknown;

test("what waits is bounded: beyond the bytes a call is refused with nothing staged, and taken again later", async () => {
  const { sim, store } = await opened({ queueBytesMax: 10_000 });
  await create(store, "a");
  const release = sim.hang(({ kind }) => kind === "write");
  const text = "x".repeat(1_000);
  const calls = Array.from({ length: 20 }, () => refusalOf(extend(store, "a", text)));
  await settle();
  release();
  const errors = (await Promise.all(calls)).filter((error) => error !== undefined);
  expect(errors.length).toBeGreaterThan(10);
  for (const error of errors) expect(error).toBeInstanceOf(InvalidMutationError);
  const accepted = 20 - errors.length;
  expect(store.notes.version("a")).toBe(1 + accepted);
  expect(store.notes.get("a")?.text).toBe(`a${text.repeat(accepted)}`);
  await extend(store, "a", text);
});

test("a listener that throws breaks no commit, no other listener and no caller", async () => {
  const heard: StoreEvents["listener:error"][0][] = [];
  const lines: unknown[] = [];
  const say = (...words: unknown[]): void => void lines.push(words);
  const { sim, store } = await opened({
    on: {
      "listener:error": (facts) => {
        heard.push(facts);
        throw new Error("here too");
      },
    },
    logger: { debug: say, info: say, warn: say, error: say },
  });
  const seen: number[] = [];
  store.on("mutation", () => {
    throw new TypeError("a listener's own");
  });
  const off = store.on("mutation", ({ sequence }) => seen.push(sequence));
  const { sequence } = await create(store, "a");
  off();
  await extend(store, "a", "+");
  expect(seen).toEqual([sequence]);
  expect(heard.map(({ event, error }) => [event, String(error)])).toEqual([
    ["mutation", "TypeError: a listener's own"],
    ["mutation", "TypeError: a listener's own"],
  ]);
  expect(lines.length).toBeGreaterThanOrEqual(2);
  sim.powerCut("none");
  expect(notesOf(await openNotes(sim.process()))).toEqual({ a: [2, "a+"] });
});

test("a logger that throws breaks nothing either: what nobody awaits is told, and its flush is refused", async () => {
  const fail = (): never => {
    throw new Error("the logger is closed");
  };
  const failed: unknown[] = [];
  const { sim, store } = await opened({
    on: { "mutation:failed": ({ type }) => failed.push(type) },
    logger: { debug: fail, info: fail, warn: fail, error: fail },
  });
  store.on("mutation", fail);
  await create(store, "a");
  void store.notes.mutate("a", "note.edited", { text: "throw" });
  for (let turn = 0; turn < 5; turn += 1) await sim.clock.yield();
  expect(failed).toEqual(["note.edited"]);
  expect(await refusalOf(store.flush())).toBeInstanceOf(RangeError);
  await store.snapshot();
  await store.close();
});

test("whatever a store hands out is frozen, all the way down, and what was handed in is the caller's", async () => {
  const { store } = await opened();
  const payload = { text: "a", extra: { deep: [1, { deeper: 2 }] } };
  const events: StoreEvents["mutation"][0][] = [];
  store.on("mutation", (event) => events.push(event));
  const receipt = store.notes.mutate("a", "note.created", payload);
  payload.extra.deep.push(3);
  payload.text = "changed";
  const { value } = await receipt;
  expect(value).toEqual({ id: "a", text: "a", extra: { deep: [1, { deeper: 2 }] } });
  await store.notes.append("a", "lines", { text: "one" });
  const frozenDeep = (one: unknown): boolean =>
    typeof one !== "object" ||
    one === null ||
    (Object.isFrozen(one) && Object.values(one).every(frozenDeep));
  const handed = [
    value,
    store.notes.get("a"),
    [...store.notes.all()][0],
    events[0]?.after,
    events[1]?.item,
  ];
  handed.push(store.notes.list("a", "lines")[0]);
  expect(handed.map((one) => one !== undefined && frozenDeep(one))).toEqual(handed.map(() => true));
  expect(() => Object.assign(store.notes.get("a") ?? {}, { text: "b" })).toThrow(TypeError);
});
