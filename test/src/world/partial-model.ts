/**
 * One model of which an older program knows a part: at the same versions, without two types of notes and
 * without tags. Reducers that do not commute, so that a record folded out of its order shows.
 */
import type { Disk } from "@taskwal/disk";
import { defineEntity, defineModel, openStore, type OpenOptions, type StoreOf } from "taskwal";
import { z } from "zod";

const text = z.object({ text: z.string() });
const thing = z.object({ id: z.string(), text: z.string() });
const lists = { lines: text };

type Thing = z.infer<typeof thing>;
const made = ({ text: given }: { readonly text: string }, { id }: { readonly id: string }) => ({
  id,
  text: given,
});
const renamed = (before: Thing, { text: given }: { readonly text: string }): Thing => ({
  ...before,
  text: `${before.text}>${given}`,
});

const create = { "note.created": { payload: text, reduce: made } };
const change = { "note.renamed": { payload: text, reduce: renamed } };
const common = { name: "note", collection: "notes", version: 1, schema: thing, lists } as const;

const entities = { notes: defineEntity({ ...common, create, change }) };

/** The part. */
export const partModel = defineModel({ entities });

/** The same, with derived keys in state.json: one of them is a collection of the whole. */
export const countingPartModel = defineModel({
  entities,
  summary: ({ notes }) => ({ tags: "none", count: [...notes.all()].length }),
});

/** All of it. */
export const wholeModel = defineModel({
  entities: {
    notes: defineEntity({
      ...common,
      create: {
        ...create,
        "note.imported": {
          payload: text,
          reduce: ({ text: given }, { id }) => ({ id, text: `(${given})` }),
        },
      },
      change: {
        ...change,
        "note.archived": {
          payload: z.object({}),
          reduce: (note) => ({ ...note, text: `[${note.text}]` }),
        },
      },
    }),
    tags: defineEntity({
      name: "tag",
      collection: "tags",
      version: 1,
      schema: thing,
      lists,
      create: { "tag.created": { payload: text, reduce: made } },
      change: {
        "tag.renamed": { payload: text, reduce: renamed },
        "tag.deleted": { payload: z.object({}), reduce: () => undefined },
      },
    }),
  },
});

export type PartStore = StoreOf<typeof partModel>;
export type WholeStore = StoreOf<typeof wholeModel>;

const quiet = { dir: "/state", mirrors: false, autosaveMs: Number.POSITIVE_INFINITY };

export const openPart = (
  disk: Disk,
  options: Partial<OpenOptions<typeof partModel>> = {},
): Promise<PartStore> => openStore({ ...quiet, model: partModel, disk, ...options });

export const openWhole = (
  disk: Disk,
  options: Partial<OpenOptions<typeof wholeModel>> = {},
): Promise<WholeStore> => openStore({ ...quiet, model: wholeModel, disk, ...options });

/** `{ id: [version, text] }` of the notes. */
export const notesIn = (store: PartStore | WholeStore): Record<string, readonly unknown[]> =>
  Object.fromEntries(
    [...store.notes.all()].map(({ id, text: shown }) => [id, [store.notes.version(id), shown]]),
  );

/** The same of the tags. */
export const tagsIn = (store: WholeStore): Record<string, readonly unknown[]> =>
  Object.fromEntries(
    [...store.tags.all()].map(({ id, text: shown }) => [id, [store.tags.version(id), shown]]),
  );
