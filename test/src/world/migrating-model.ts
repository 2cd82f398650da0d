/**
 * One model at two schema versions, as a program ships them one after the other, and the small store that
 * the older one leaves: entities in the snapshot, changed and made behind it, removed, with a list.
 */
import type { Disk } from "@taskwal/disk";
import type { SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, type StoreEvents, type StoreOf } from "taskwal";
import { z } from "zod";

const lists = { lines: z.object({ text: z.string() }) };
const empty = z.object({});

export const firstModel = defineModel({
  entities: {
    notes: defineEntity({
      name: "note",
      collection: "notes",
      version: 1,
      schema: z.object({ id: z.string(), name: z.string() }),
      lists,
      create: {
        "note.created": {
          payload: z.object({ name: z.string() }),
          reduce: ({ name }, { id }) => ({ id, name }),
        },
      },
      change: {
        "note.renamed": {
          payload: z.object({ name: z.string() }),
          reduce: (note, { name }) => ({ ...note, name }),
        },
        "note.deleted": { payload: empty, reduce: () => undefined },
      },
    }),
  },
});

type Old = { readonly id: string; readonly name: string };

const retitled = ({ name }: Old): { readonly title: string } => ({ title: name });

/** `migrate` and `upcast` (of a creation) stand for the mistakes that a step can have. */
export const secondNoteWith = (migrate: (old: Old) => object, upcast = retitled) =>
  defineEntity({
    name: "note",
    collection: "notes",
    version: 2,
    schema: z.object({ id: z.string(), title: z.string(), pinned: z.boolean() }),
    lists,
    migrate: { 1: migrate },
    create: {
      "note.created": {
        version: 2,
        payload: z.object({ title: z.string() }),
        upcast: { 1: upcast },
        reduce: ({ title }, { id }) => ({ id, title, pinned: false }),
      },
    },
    change: {
      "note.renamed": {
        version: 2,
        payload: z.object({ title: z.string() }),
        upcast: { 1: retitled },
        reduce: (note, { title }) => ({ ...note, title }),
      },
      "note.deleted": { payload: empty, reduce: () => undefined },
    },
  });

export const secondModelWith = (migrate: (old: Old) => object, upcast = retitled) =>
  defineModel({ entities: { notes: secondNoteWith(migrate, upcast) } });

export const migrated = ({ id, name }: Old): object => ({ id, title: name, pinned: false });
export const secondModel = secondModelWith(migrated);

const common = { dir: "/state", mirrors: false, autosaveMs: Number.POSITIVE_INFINITY };

export const openFirst = (disk: Disk, dir = common.dir): Promise<StoreOf<typeof firstModel>> =>
  openStore({ ...common, dir, model: firstModel, disk });

export const openSecond = (
  disk: Disk,
  model = secondModel,
  on: { readonly [Name in keyof StoreEvents]?: (...facts: StoreEvents[Name]) => void } = {},
): Promise<StoreOf<typeof secondModel>> => openStore({ ...common, model, disk, on });

/** What the older program acknowledged, as either model shows it: `{ id: [version, name, …lines] }`. */
export const acknowledged = {
  a: [3, "a renamed", "first"],
  b: [1, "b"],
  d: [2, "d", "second"],
};

type Shown = Record<string, readonly unknown[]>;

export const firstNotes = (store: StoreOf<typeof firstModel>): Shown =>
  Object.fromEntries(
    [...store.notes.all()].map(({ id, name }) => [
      id,
      [store.notes.version(id), name, ...store.notes.list(id, "lines").map(({ text }) => text)],
    ]),
  );

export const secondNotes = (store: StoreOf<typeof secondModel>): Shown =>
  Object.fromEntries(
    [...store.notes.all()].map(({ id, title, pinned }) => {
      if (pinned) throw new Error(`${id} was not migrated`);
      const lines = store.notes.list(id, "lines").map(({ text }) => text);
      return [id, [store.notes.version(id), title, ...lines]];
    }),
  );

/** The older program's store: half of it in the snapshot, half in the log alone; killed, not closed. */
export const leaveFirst = async (sim: SimDisk): Promise<void> => {
  const process = sim.process("older");
  const store = await openFirst(process);
  await store.notes.mutate("a", "note.created", { name: "a" });
  await store.notes.append("a", "lines", { text: "first" });
  await store.notes.mutate("b", "note.created", { name: "b" });
  await store.notes.mutate("c", "note.created", { name: "c" });
  await store.snapshot();
  await store.notes.mutate("a", "note.renamed", { name: "a renamed" });
  await store.notes.mutate("c", "note.deleted", {});
  await store.notes.mutate("d", "note.created", { name: "d" });
  await store.notes.append("d", "lines", { text: "second" });
  process.kill();
};
