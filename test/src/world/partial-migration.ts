/**
 * The model of partial-model.ts at its next version: all of it, and the part that knows neither two types of notes nor
 * tags. Notes have a title instead of a text, tags a label.
 */
import type { Disk } from "@taskwal/disk";
import { defineEntity, defineModel, openStore, type OpenOptions, type StoreOf } from "taskwal";
import { z } from "zod";

const text = z.object({ text: z.string() });
const noted = z.object({ id: z.string(), title: z.string() });
const lists = { lines: text };

type Note = z.infer<typeof noted>;
const retitled = (before: Note, { text: given }: { readonly text: string }): Note => ({
  ...before,
  title: `${before.title}>${given}`,
});

const create = {
  "note.created": {
    payload: text,
    reduce: (
      { text: title }: { readonly text: string },
      { id }: { readonly id: string },
    ): Note => ({
      id,
      title,
    }),
  },
};
const change = { "note.renamed": { payload: text, reduce: retitled } };
const common = {
  name: "note",
  collection: "notes",
  version: 2,
  schema: noted,
  lists,
  migrate: {
    1: ({ id, text: title }: { readonly id: string; readonly text: string }) => ({ id, title }),
  },
} as const;

export const partSecond = defineModel({
  entities: { notes: defineEntity({ ...common, create, change }) },
});

export const wholeSecond = defineModel({
  entities: {
    notes: defineEntity({
      ...common,
      create: {
        ...create,
        "note.imported": {
          payload: text,
          reduce: ({ text: given }, { id }) => ({ id, title: `(${given})` }),
        },
      },
      change: {
        ...change,
        "note.archived": {
          payload: z.object({}),
          reduce: (note) => ({ ...note, title: `[${note.title}]` }),
        },
      },
    }),
    tags: defineEntity({
      name: "tag",
      collection: "tags",
      version: 2,
      schema: z.object({ id: z.string(), label: z.string() }),
      lists,
      migrate: {
        1: ({ id, text: label }: { readonly id: string; readonly text: string }) => ({ id, label }),
      },
      create: {
        "tag.created": { payload: text, reduce: ({ text: label }, { id }) => ({ id, label }) },
      },
      change: {
        "tag.renamed": {
          payload: text,
          reduce: (before, { text: given }) => ({ ...before, label: `${before.label}>${given}` }),
        },
      },
    }),
  },
});

export type PartSecond = StoreOf<typeof partSecond>;
export type WholeSecond = StoreOf<typeof wholeSecond>;

const quiet = { dir: "/state", mirrors: false, autosaveMs: Number.POSITIVE_INFINITY };

export const openPartSecond = (
  disk: Disk,
  options: Partial<OpenOptions<typeof partSecond>> = {},
): Promise<PartSecond> => openStore({ ...quiet, model: partSecond, disk, ...options });

export const openWholeSecond = (
  disk: Disk,
  options: Partial<OpenOptions<typeof wholeSecond>> = {},
): Promise<WholeSecond> => openStore({ ...quiet, model: wholeSecond, disk, ...options });

/** `{ id: [version, title] }` of the notes. */
export const titlesIn = (store: PartSecond | WholeSecond): Record<string, readonly unknown[]> =>
  Object.fromEntries(
    [...store.notes.all()].map(({ id, title }) => [id, [store.notes.version(id), title]]),
  );

/** `{ id: [version, label] }` of the tags. */
export const labelsIn = (store: WholeSecond): Record<string, readonly unknown[]> =>
  Object.fromEntries(
    [...store.tags.all()].map(({ id, label }) => [id, [store.tags.version(id), label]]),
  );
