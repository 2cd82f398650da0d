/**
 * Calls that are wrong: each is refused with its class, names where it is wrong, and leaves nothing behind.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { ConflictError, defineEntity, defineModel, InvalidMutationError, openStore } from "taskwal";
import { expect, test } from "vitest";
import { z } from "zod";
import { settle } from "./world/fault-workload.ts";
import { notesOf, openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";
import { simTreeOf } from "./world/scratch.ts";

interface BadCall {
  readonly name: string;
  readonly call: (store: LooseStore) => Promise<unknown>;
  /** What the InvalidMutationError says. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The store as a program without types sees it. */
interface LooseStore {
  readonly notes: Record<"mutate" | "append", (...words: unknown[]) => Promise<unknown>>;
}

/** An edit that carries a value somewhere inside. */
const carrying =
  (extra: unknown) =>
  ({ notes }: LooseStore): Promise<unknown> =>
    notes.mutate("a", "note.edited", { text: "x", extra });

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};
const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

const changedByJson: readonly (readonly [name: string, extra: unknown, path: string])[] = [
  ["NaN", { sizes: [1, Number.NaN] }, "$.extra.sizes[1]"],
  ["Infinity", { size: Number.POSITIVE_INFINITY }, "$.extra.size"],
  ["minus zero", { size: -0 }, "$.extra.size"],
  ["a BigInt", { size: 1n }, "$.extra.size"],
  ["a Map", { map: new Map() }, "$.extra.map"],
  ["a Date", { at: new Date(0) }, "$.extra.at"],
  ["undefined in an array", { list: [undefined] }, "$.extra.list[0]"],
  [
    "a hole in an array",
    { list: Array.from({ length: 1 }).concat([]).fill(1, 0, 0) },
    "$.extra.list[0]",
  ],
  ["a function", { run: () => 1 }, "$.extra.run"],
  ["a symbol", { sign: Symbol("s") }, "$.extra.sign"],
  [
    "a __proto__ key",
    JSON.parse('{"deep":{"__proto__":{"admin":true}}}'),
    "$.extra.deep.__proto__",
  ],
];

const badCalls: readonly BadCall[] = [
  ...changedByJson.map(([name, extra, path]) => ({
    name,
    call: carrying(extra),
    facts: { path, type: "note.edited", id: "a" },
  })),
  { name: "a cycle", call: carrying(cyclic), facts: { type: "note.edited" } },
  { name: "too deep", call: carrying(nested(100_000)), facts: { type: "note.edited" } },
  {
    name: "a wrong payload",
    call: ({ notes }) => notes.mutate("a", "note.edited", { text: 1 }),
    facts: { type: "note.edited", id: "a", issues: [expect.objectContaining({ path: ["text"] })] },
  },
  {
    name: "no payload",
    call: ({ notes }) => notes.mutate("a", "note.edited", undefined),
    facts: { type: "note.edited" },
  },
  {
    name: "an unknown mutation type",
    call: ({ notes }) => notes.mutate("a", "note.unheard", {}),
    facts: { type: "note.unheard", id: "a", reason: "the model has no such mutation" },
  },
  {
    name: "an unknown list",
    call: ({ notes }) => notes.append("a", "unheard", {}),
    facts: { reason: "the model has no such mutation" },
  },
  {
    name: "a wrong item of a list",
    call: ({ notes }) => notes.append("a", "lines", { text: 1 }),
    facts: { id: "a" },
  },
  {
    name: "a record over the limit",
    call: carrying("x".repeat(17 * 1024 * 1024)),
    facts: { type: "note.edited", reason: expect.stringMatching(/bytes/) },
  },
  {
    name: "a record over the limit only once it is escaped",
    call: carrying("\u0001".repeat(4 * 1024 * 1024)),
    facts: { type: "note.edited", reason: expect.stringMatching(/bytes/) },
  },
  {
    name: "an empty id",
    call: ({ notes }) => notes.mutate("", "note.created", { text: "x" }),
    facts: {},
  },
  {
    name: "an id that is a number",
    call: ({ notes }) => notes.mutate(7, "note.created", { text: "x" }),
    facts: {},
  },
  {
    name: "an endless id",
    call: ({ notes }) => notes.mutate("é".repeat(600), "note.created", { text: "x" }),
    facts: {},
  },
  {
    name: "an endless key",
    call: ({ notes }) => notes.mutate("a", "note.edited", { text: "x" }, { key: "k".repeat(600) }),
    facts: { reason: expect.stringMatching(/^key /) },
  },
  {
    name: "a cause that is no sequence",
    call: ({ notes }) => notes.mutate("a", "note.edited", { text: "x" }, { cause: -1 }),
    facts: { reason: expect.stringMatching(/^cause /) },
  },
];

const opened = async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "a" });
  sim.clock.advance(60);
  await settle();
  return { sim, store, loose: store as unknown as LooseStore };
};

test.each(badCalls)(
  "$name is refused as an invalid mutation, and nothing of it is left",
  async ({ call, facts }) => {
    const { sim, store, loose } = await opened();
    const before = { tree: simTreeOf(sim), calls: sim.callCount, digest: store.digest() };
    const error = await refusalOf(call(loose));
    expect(error).toBeInstanceOf(InvalidMutationError);
    expect(error).toMatchObject({ code: "INVALID_MUTATION", ...facts });
    expect((error as Error).message.length).toBeLessThan(2_000);
    await settle();
    expect({ tree: simTreeOf(sim), calls: sim.callCount, digest: store.digest() }).toEqual(before);
    await goesOn(store);
  },
);

/** Nothing is staged behind the refusal, and the path of the prototype is clean. */
const goesOn = async (store: NoteStore): Promise<void> => {
  expect(({} as Record<string, unknown>)["admin"]).toBe(undefined);
  await store.notes.mutate("a", "note.edited", { text: "b" }, { expectedVersion: 1 });
  expect(notesOf(store)).toEqual({ a: [2, "b"] });
};

test("what a reducer throws passes through as it is, and nothing of the call is left", async () => {
  const { sim, store } = await opened();
  const before = simTreeOf(sim);
  const error = await refusalOf(store.notes.mutate("a", "note.edited", { text: "throw" }));
  expect(error).toBeInstanceOf(RangeError);
  expect(error).toMatchObject({ message: "the reducer threw" });
  await settle();
  expect(simTreeOf(sim)).toEqual(before);
  await goesOn(store);
});

test("what a schema makes of a payload is refused as well if JSON would change it", async () => {
  const model = defineModel({
    entities: {
      dates: defineEntity({
        name: "date",
        collection: "dates",
        version: 1,
        schema: z.object({ id: z.string(), at: z.unknown() }),
        create: {
          "date.set": {
            payload: z.object({ at: z.number().transform((ms) => new Date(ms)) }),
            // The reducer sees what a replay would see, so a Date must not come so far.
            reduce: ({ at }, { id }) => ({ id, at: String(at) }),
          },
        },
        change: {},
      }),
    },
  });
  const sim = createSimDisk();
  const store = await openStore({ dir: "/state", model, disk: sim.process(), mirrors: false });
  const before = sim.callCount;
  const error = await refusalOf(store.dates.mutate("a", "date.set", { at: 0 }));
  expect(error).toBeInstanceOf(InvalidMutationError);
  expect(error).toMatchObject({ type: "date.set", id: "a", path: "$.at" });
  expect(store.dates.get("a")).toBe(undefined);
  await settle();
  expect(sim.callCount).toBe(before);
});

test("a call on what does not exist is a conflict that says so", async () => {
  const { store } = await opened();
  const error = await refusalOf(store.notes.append("none", "lines", { text: "x" }));
  expect(error).toBeInstanceOf(ConflictError);
  expect(error).toMatchObject({ id: "none", current: 0, exists: false });
  await goesOn(store);
});

test("lone surrogates, NUL and every other character come back as they were given", async () => {
  const { sim, store } = await opened();
  let text = "";
  for (let unit = 0; unit < 0x1_0000; unit += 1) text += String.fromCharCode(unit);
  await store.notes.mutate("a", "note.edited", { text });
  expect(store.notes.get("a")?.text).toBe(text);
  sim.powerCut("none");
  expect((await openNotes(sim.process())).notes.get("a")?.text).toBe(text);
});
