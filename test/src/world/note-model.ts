/**
 * The smallest model with everything in it: notes with lines, a reducer that can be made to throw.
 *
 * The rule: versions are counted by the engine; `text` shows which mutation was the last.
 */
import type { Disk } from "@taskwal/disk";
import { defineEntity, defineModel, openStore, type OpenOptions, type StoreOf } from "taskwal";
import { z } from "zod";

const text = z.object({ text: z.string(), extra: z.unknown().optional() });

const note = defineEntity({
  name: "note",
  collection: "notes",
  version: 1,
  schema: z.looseObject({ id: z.string(), text: z.string() }),
  lists: { lines: z.object({ text: z.string() }) },
  create: {
    "note.created": { payload: text, reduce: (payload, { id }) => ({ ...payload, id }) },
  },
  change: {
    "note.edited": {
      payload: text,
      reduce: (note, payload) => {
        if (payload.text === "throw") throw new RangeError("the reducer threw");
        return { ...note, ...payload };
      },
    },
    // Goes on from what is there: shows whether it was reduced on the right ground.
    "note.extended": {
      payload: text,
      reduce: (note, { text }) => ({ ...note, text: note.text + text }),
    },
    "note.deleted": { payload: z.object({}), reduce: () => undefined },
  },
});

export const noteModel = defineModel({ entities: { notes: note } });
export type NoteStore = StoreOf<typeof noteModel>;
export type NoteOptions = Partial<OpenOptions<typeof noteModel>>;

/** Opens the notes of a disk, simulated or real; no mirrors and no snapshots unless asked for. */
export const openNotes = (disk: Disk | undefined, options: NoteOptions = {}): Promise<NoteStore> =>
  openStore({
    dir: "/state",
    model: noteModel,
    mirrors: false,
    autosaveMs: Number.POSITIVE_INFINITY,
    ...(disk ? { disk } : {}),
    ...options,
  });

/** What a store shows, as plain data: `{ id: [version, text, …lines] }`. */
export const notesOf = (store: NoteStore): Record<string, readonly unknown[]> =>
  Object.fromEntries(
    [...store.notes.all()].map(({ id, text }) => [
      id,
      [store.notes.version(id), text, ...store.notes.list(id, "lines").map((line) => line.text)],
    ]),
  );

/** The error that a call is refused with, or undefined. */
export const refusalOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error;
  }
};
