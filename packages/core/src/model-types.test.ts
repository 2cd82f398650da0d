// Here it is the compiler that tests: none of these functions is called.
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { CollectionsOf, Receipt, TransactionOf } from "./collection-type.ts";
import { defineEntity, type MutationMeta } from "./define-entity.ts";
import { defineModel, type EntityDefinitions, type TypedModel } from "./define-model.ts";

const Note = z.object({ id: z.string(), text: z.string(), pinned: z.boolean() });
const Line = z.object({ text: z.string(), level: z.enum(["info", "warn"]).default("info") });

// The program of an own entity, as written by its author, and one list.
const note = defineEntity({
  name: "note",
  collection: "notes",
  version: 2,
  schema: Note,
  migrate: { 1: (old) => ({ ...old, pinned: false }) },
  lists: { lines: Line },
  create: {
    "note.added": {
      payload: z.object({ text: z.string() }),
      reduce: ({ text }, { id }) => ({ id, text, pinned: false }),
    },
  },
  change: {
    "note.edited": {
      version: 2,
      payload: z.object({ text: z.string() }),
      upcast: { 1: ({ body }) => ({ text: body }) },
      reduce: (note, { text }) => ({ ...note, text }),
    },
    "note.pinned": { payload: z.object({}), reduce: (note) => ({ ...note, pinned: true }) },
    "note.removed": { payload: z.object({}), reduce: () => undefined },
  },
});

const model = defineModel({
  entities: { notes: note },
  summary: ({ notes }) => ({
    metrics: { pinned: [...notes.all()].filter((n) => n.pinned).length },
  }),
});

interface FakeBase extends AsyncDisposable {
  records(options: {
    from?: number;
    follow?: boolean;
    signal?: AbortSignal;
  }): AsyncIterable<{ seq: number }>;
}
declare const openStore: <M extends TypedModel<EntityDefinitions>>(options: {
  dir: string;
  model: M;
}) => Promise<
  FakeBase & CollectionsOf<M> & { transact<R>(work: (tx: TransactionOf<M>) => R): Promise<R> }
>;

const ownEntityProgram = async (): Promise<void> => {
  await using store = await openStore({ dir: "./data", model });
  await store.notes.mutate("a", "note.added", { text: "hello" }, { expectedVersion: "absent" });
  await store.transact((tx) => {
    tx.notes.mutate("a", "note.pinned", {});
    const second = tx.notes.mutate("b", "note.added", { text: "second" });
    expectTypeOf(second.pinned).toEqualTypeOf<boolean>();
    expectTypeOf(tx.notes.append("b", "lines", { text: "x" })).toEqualTypeOf<void>();
  });
  // @ts-expect-error a wrong payload does not compile
  void (() => store.notes.mutate("a", "note.edited", { txt: 1 }));
  for await (const record of store.records({
    from: 1,
    follow: true,
    signal: AbortSignal.timeout(1_000),
  }))
    void record.seq;
};

const typesOfCollections = async (): Promise<void> => {
  const store = await openStore({ dir: "./data", model });
  type Value = Readonly<z.output<typeof Note>>;
  const receipt = store.notes.mutate(
    "a",
    "note.edited",
    { text: "x" },
    { expectedVersion: 3, key: "k" },
  );
  expectTypeOf(receipt).toEqualTypeOf<Receipt<Value>>();
  expectTypeOf(await receipt).branded.toEqualTypeOf<{
    readonly value: Value;
    readonly version: number;
    readonly sequence: number;
  }>();
  expectTypeOf(store.notes.get("a")).toEqualTypeOf<Value | undefined>();
  expectTypeOf(store.notes.all()).toEqualTypeOf<Iterable<Value>>();
  expectTypeOf(store.notes.version("a")).toEqualTypeOf<number>();
  expectTypeOf(store.notes.list("a", "lines", { last: 2 })).toEqualTypeOf<
    readonly z.output<typeof Line>[]
  >();
  // Callers pass the input, where defaults may be left out.
  expectTypeOf(
    store.notes.append("a", "lines", { text: "x" }, { durability: "written" }),
  ).toEqualTypeOf<Receipt<void>>();
  expectTypeOf(await store.transact((tx) => tx.notes.version("a"))).toEqualTypeOf<number>();

  // @ts-expect-error no such collection
  void store.tasks;
  // @ts-expect-error no such mutation
  void store.notes.mutate("a", "note.burned", {});
  // @ts-expect-error appends go through append
  void store.notes.mutate("a", "note.lines.appended", { text: "x" });
  // @ts-expect-error a payload of another mutation
  void store.notes.mutate("a", "note.added", { body: "x" });
  // @ts-expect-error no such list
  void store.notes.list("a", "words");
  // @ts-expect-error a wrong item
  void store.notes.append("a", "lines", { text: "x", level: "loud" });
  // @ts-expect-error a wrong option
  void store.notes.mutate("a", "note.pinned", {}, { expectedVersion: "latest" });
  // @ts-expect-error what is read is frozen
  store.notes.get("a")!.text = "x";
  // @ts-expect-error a transaction has one durability for all
  void store.transact((tx) => tx.notes.mutate("a", "note.pinned", {}, { durability: "written" }));
};

const typesOfDefinitions = (): void => {
  const base = { name: "note", collection: "notes", version: 1, schema: Note } as const;
  const text = z.object({ text: z.string().default("") });

  defineEntity({
    ...base,
    create: {
      "note.added": {
        payload: text,
        reduce: (payload, facts) => {
          expectTypeOf(payload).toEqualTypeOf<{ text: string }>();
          expectTypeOf(facts).toEqualTypeOf<MutationMeta>();
          return { id: facts.id, text: payload.text, pinned: false };
        },
      },
    },
    change: {
      "note.edited": {
        payload: text,
        reduce: (value, payload) => {
          expectTypeOf(value).toEqualTypeOf<Readonly<z.output<typeof Note>>>();
          // @ts-expect-error not a field of the payload
          void payload.txt;
          // @ts-expect-error entities are frozen
          value.text = payload.text;
          return value;
        },
      },
    },
  });
  defineEntity({
    ...base,
    create: {
      // @ts-expect-error a create makes an entity
      "note.added": { payload: text, reduce: () => undefined },
      // @ts-expect-error a whole one
      "note.begun": { payload: text, reduce: (_, { id }) => ({ id }) },
      // @ts-expect-error of the very types of its schema
      "note.copied": { payload: text, reduce: (_, { id }) => ({ id, text: 1, pinned: false }) },
    },
    change: {
      // @ts-expect-error a reducer is synchronous
      "note.edited": { payload: text, reduce: async (value) => value },
    },
  });
  // @ts-expect-error an entity carries its id
  defineEntity({ ...base, schema: z.object({ text: z.string() }), create: {}, change: {} });
  // @ts-expect-error a list cannot have the name of a field
  defineEntity({ ...base, lists: { text: Line }, create: {}, change: {} });

  const plain = defineModel({
    entities: { notes: defineEntity({ ...base, create: {}, change: {} }) },
  });
  const lists = (collections: CollectionsOf<typeof plain>): unknown =>
    // @ts-expect-error an entity without lists has none
    collections.notes.list("a", "lines");
  const changes = (collections: CollectionsOf<typeof plain>): unknown =>
    // @ts-expect-error an entity without mutations has none
    collections.notes.mutate("a", "note.edited", {});
  void [lists, changes];

  defineModel({
    entities: { notes: note },
    summary: ({ notes }) => {
      expectTypeOf(notes.get("a")?.pinned).toEqualTypeOf<boolean | undefined>();
      // @ts-expect-error not an entity of this model
      return notes.tasks;
    },
  });
  // @ts-expect-error only definitions
  defineModel({ entities: { notes: Note } });
};

/** What `openTaskStore` needs of these types, in the uses of the other program. */
const taskProgram = async (): Promise<void> => {
  const Status = z.enum(["pending", "in_progress", "completed"]);
  const Task = z.object({
    id: z.string(),
    description: z.string(),
    status: Status,
    result: z.unknown().optional(),
  });
  const task = defineEntity({
    name: "task",
    collection: "tasks",
    version: 1,
    schema: Task,
    lists: { logs: z.object({ level: z.string(), message: z.string() }) },
    create: {
      "task.created": {
        payload: Task.pick({ description: true }),
        reduce: ({ description }, { id }) => ({ id, description, status: "pending" }),
      },
    },
    change: {
      "task.updated": {
        payload: Task.omit({ id: true }).partial(),
        reduce: (old, patch) => ({ ...old, ...defined(patch) }),
      },
    },
  });
  const taskModel = defineModel({ entities: { tasks: task, notes: note } });
  const { tasks, ...store } = await openStore({ dir: "./data", model: taskModel });
  const { value, version } = await tasks.mutate(
    "t",
    "task.created",
    { description: "x" },
    { key: "mcp-request-17" },
  );
  await tasks.mutate(
    value.id,
    "task.updated",
    { status: "in_progress" },
    { expectedVersion: version },
  );
  await tasks.mutate(value.id, "task.updated", { status: "completed", result: { passed: true } });
  void tasks.append(value.id, "logs", { level: "info", message: "line" });
  expectTypeOf(tasks.list(value.id, "logs", { last: 20 })[0]?.message).toEqualTypeOf<
    string | undefined
  >();
  await store.transact((tx) => [tx.tasks.get("t"), tx.notes.mutate("a", "note.pinned", {}).text]);
};

/** What a schema, a reducer and its author may write. */
const typesOfReducers = (): void => {
  const Job = z.object({
    id: z.string().brand("JobId"),
    status: z.enum(["open", "done"]),
    tags: z.array(z.string()),
    at: z.object({ place: z.tuple([z.number(), z.number()]) }).optional(),
    result: z.unknown().optional(),
    json: z.json().optional(),
  });
  defineEntity({
    name: "job",
    collection: "jobs",
    version: 1,
    schema: Job,
    create: {
      // A branded id comes with meta; literals, arrays and tuples need no `as const`.
      "job.made": {
        payload: z.object({}),
        reduce: (_, { id }) => ({ id, status: "open", tags: [] }),
      },
      "job.placed": {
        payload: z.object({ json: z.json() }),
        reduce: ({ json }, { id }) => ({
          id,
          status: "open",
          tags: ["x"],
          at: { place: [1, 2] },
          json,
        }),
      },
    },
    change: {
      "job.done": {
        payload: z.object({ tag: z.string() }),
        reduce: (job, { tag }) => {
          if (job.status === "done") return job;
          const tags = [...job.tags, tag];
          return { ...job, tags, status: "done" };
        },
      },
      "job.swept": {
        payload: z.object({}),
        reduce: (job) => (job.tags.length > 0 ? job : undefined),
      },
      "job.noted": {
        version: 2,
        payload: z.string(),
        upcast: { 1: (old: { readonly text: string }) => old.text },
        reduce: (job, text) => ({ ...job, result: text }),
      },
      // @ts-expect-error no such status
      "job.lost": { payload: z.object({}), reduce: (job) => ({ ...job, status: "lost" }) },
    },
  });
};

const defined = <T extends object>(patch: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  patch as never;

describe("the types", () => {
  it("are tested by the compiler", () => {
    for (const proof of [
      ownEntityProgram,
      typesOfCollections,
      typesOfDefinitions,
      typesOfReducers,
      taskProgram,
    ]) {
      expect(proof).toBeTypeOf("function");
    }
  });
});
