import type { JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineEntity, type EntityDefinition, type MutationMeta } from "./define-entity.ts";
import {
  defineModel,
  migrateEntity,
  type EntityModel,
  type Model,
  type MutationModel,
} from "./define-model.ts";

const Note = z.object({ id: z.string(), text: z.string(), pinned: z.boolean() });
const Line = z.object({ text: z.string(), level: z.enum(["info", "warn"]).default("info") });
const Empty = z.object({});
type NoteValue = z.output<typeof Note>;

const mutations = {
  create: {
    "note.added": {
      payload: z.object({ text: z.string(), pinned: z.boolean().default(false) }),
      reduce: (payload: Omit<NoteValue, "id">, { id }: MutationMeta) => ({ id, ...payload }),
    },
  },
  change: {
    "note.edited": {
      version: 2,
      payload: z.object({ text: z.string() }),
      upcast: { 1: ({ body }: { body: string }) => ({ text: body }) },
      reduce: (note: NoteValue, { text }: { text: string }) => ({ ...note, text }),
    },
    "note.removed": { payload: Empty, reduce: () => undefined },
  },
};
const steps = {
  1: (old: object) => ({ ...old, pinned: false }),
  2: ({ body, ...old }: { body: string }) => ({ ...old, text: body }),
};

/** The note with some parts of its declaration replaced, whatever their types. */
const makeNote = (parts: object = {}): EntityDefinition =>
  defineEntity({
    name: "note",
    collection: "notes",
    version: 3,
    schema: Note,
    migrate: steps,
    lists: { lines: Line },
    ...mutations,
    ...parts,
  });

/** A model of the note with one more change. */
const withChange = (change: object): Model => {
  const more = { "note.touched": { payload: Empty, reduce: (note: unknown) => note, ...change } };
  return modelOf(makeNote({ change: { ...mutations.change, ...more } }));
};
const modelOf = (...entities: EntityDefinition[]): Model =>
  defineModel({ entities: Object.fromEntries(entities.map((one) => [one.collection, one])) });

const mutation = (of: Model, type: string): MutationModel => {
  const found = of.mutations.get(type);
  if (found === undefined) throw new Error(`no mutation ${type}`);
  return found;
};
const entityOf = (of: Model, key: string): EntityModel => {
  const found = of.entities.get(key);
  if (found === undefined) throw new Error(`no entity ${key}`);
  return found;
};

const model = modelOf(makeNote());
const meta: MutationMeta = { id: "a", at: 1_795_305_600_123, n: 1 };

describe("a model", () => {
  it("knows its entities, lists and mutations by name", () => {
    const entity = entityOf(model, "notes");
    expect(entity).toMatchObject({ key: "notes", name: "note", collection: "notes", mirror: true });
    expect([...entity.lists.values()]).toEqual([
      { name: "lines", type: "note.lines.appended", item: Line },
    ]);
    const all = [...model.mutations.values()];
    expect(all.map(({ type, kind, version }) => [type, kind, version])).toEqual([
      ["note.added", "create", 1],
      ["note.edited", "change", 2],
      ["note.removed", "change", 1],
      ["note.lines.appended", "append", 1],
    ]);
    expect(all.every((one) => one.entity === entity)).toBe(true);
    expect(mutation(model, "note.lines.appended").list).toBe("lines");
    expect(model.schema).toEqual({ note: 3 });
  });

  it("is frozen, its maps included", () => {
    const entity = entityOf(model, "notes");
    for (const part of [model, entity, mutation(model, "note.added"), model.schema]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    for (const map of [model.entities, model.mutations, entity.lists, entity.migrate]) {
      const open = map as Map<unknown, unknown>;
      expect(() => open.set("x", 1)).toThrow("a model cannot be changed");
      expect(() => open.clear()).toThrow(TypeError);
    }
  });
});

describe("a mutation", () => {
  it("gives the schema's output for a payload, defaults and all", () => {
    const added = mutation(model, "note.added").validate({ text: "x", other: 1 });
    expect(added).toEqual({ ok: true, value: { text: "x", pinned: false } });
    const appended = mutation(model, "note.lines.appended").validate({ text: "x" });
    expect(appended).toEqual({ ok: true, value: { text: "x", level: "info" } });
  });

  it("gives plain issues with their paths for a payload that the schema refuses", () => {
    expect(mutation(model, "note.added").validate({ text: 1 })).toEqual({
      ok: false,
      issues: [{ message: expect.stringContaining("string"), path: ["text"] }],
    });
  });

  it("reduces: create ignores what was, change builds on it, undefined removes", () => {
    const made = { id: "a", text: "x", pinned: true };
    const payload = { text: "x", pinned: true };
    expect(mutation(model, "note.added").reduce(undefined, payload, meta)).toEqual(made);
    expect(mutation(model, "note.edited").reduce(made, { text: "y" }, meta)).toEqual({
      ...made,
      text: "y",
    });
    expect(mutation(model, "note.removed").reduce(made, {}, meta)).toBeUndefined();
  });

  it("gives the reducer the id, the time and the version, and lets its error through", () => {
    const seen: unknown[] = [];
    const reduce = (...facts: unknown[]): never => {
      seen.push(...facts);
      throw new RangeError("mine");
    };
    const touched = mutation(withChange({ reduce }), "note.touched");
    expect(() => touched.reduce({ id: "a" }, {}, meta)).toThrow(new RangeError("mine"));
    expect(seen).toEqual([{ id: "a" }, {}, meta]);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["another id", { id: "b" }],
    ["no object", "a"],
    ["a promise", Promise.resolve({ id: "a" })],
  ])("refuses what a create's reducer returns: %s", (_what, result) => {
    const create = { "note.added": { payload: Empty, reduce: () => result } };
    const added = mutation(modelOf(makeNote({ create })), "note.added");
    expect(() => added.reduce(undefined, {}, meta)).toThrow(
      new TypeError(
        "the reducer of note.added did not return an entity with the id of its mutation",
      ),
    );
  });

  it("refuses a reducer's result that has a list as a field", () => {
    const touched = withChange({ reduce: (note: object) => ({ ...note, lines: [] }) });
    expect(() => mutation(touched, "note.touched").reduce({ id: "a" }, {}, meta)).toThrow(
      'the reducer of note.touched returned an entity with a field "lines", which is a list',
    );
  });

  it("is never reduced if it is an append", () => {
    const appended = mutation(model, "note.lines.appended");
    expect(() => appended.reduce({ id: "a" }, {}, meta)).toThrow("invariant");
  });
});

describe("versions", () => {
  it("lead a payload up step by step, frozen, and leave a current one as it is", () => {
    const edited = mutation(model, "note.edited");
    const upcast = edited.upcast({ body: "x" }, 1);
    expect(upcast).toEqual({ text: "x" });
    expect(Object.isFrozen(upcast)).toBe(true);
    const current: JsonValue = { text: "x" };
    expect(edited.upcast(current, 2)).toBe(current);
  });

  it("lead an entity of a snapshot up step by step", () => {
    const entity = entityOf(model, "notes");
    const now = { id: "a", text: "x", pinned: true };
    expect(migrateEntity(entity, { id: "a", body: "x" }, 1)).toEqual({ ...now, pinned: false });
    expect(migrateEntity(entity, { id: "a", body: "x", pinned: true }, 2)).toEqual(now);
    expect(migrateEntity(entity, now, 3)).toBe(now);
  });

  it("refuse what is newer, what no step starts from, and what is no JSON", () => {
    const edited = mutation(model, "note.edited");
    expect(() => edited.upcast({}, 3)).toThrow(
      new RangeError("the payload of note.edited is of version 3, newer than 2, the newest known"),
    );
    expect(() => edited.upcast({}, 0)).toThrow(RangeError);
    expect(() => migrateEntity(entityOf(model, "notes"), {}, 4)).toThrow(RangeError);
    const dated = withChange({ version: 2, upcast: { 1: () => ({ at: new Date(0) }) } });
    expect(() => mutation(dated, "note.touched").upcast({}, 1)).toThrow(
      "the steps of the payload of note.touched gave no JSON: $.at is a Date",
    );
  });
});

describe("the hash", () => {
  const other = { name: "other", collection: "others", lists: {}, change: {} };
  const create = {
    "other.added": { payload: Empty, reduce: mutations.create["note.added"].reduce },
  };

  it("is stable, and blind to the order of declarations", () => {
    expect(model.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(modelOf(makeNote()).hash).toBe(model.hash);
    const [one, two] = [makeNote(), makeNote({ ...other, create })];
    expect(modelOf(one, two).hash).toBe(modelOf(two, one).hash);
  });

  it("changes with a reducer, an upcaster, a migration, a version, a list", () => {
    const hashes = [
      model,
      withChange({}),
      withChange({ reduce: (note: object) => ({ ...note, touched: true }) }),
      withChange({ version: 2, upcast: { 1: (old: unknown) => old } }),
      withChange({ version: 2, upcast: { 1: () => ({}) } }),
      modelOf(makeNote({ migrate: { ...steps, 2: (old: object) => ({ ...old, text: "" }) } })),
      modelOf(makeNote({ version: 2, migrate: { 1: steps[1] } })),
      modelOf(makeNote({ lists: {} })),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
