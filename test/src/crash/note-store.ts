/**
 * The store under test: notes with lines, tallies between which transactions move amounts.
 *
 * The rule: the engine is a parameter, so that the same campaign runs against the sources and against
 * copies of them with a bug in.
 */
import type { Disk } from "@taskwal/disk";
import type * as Taskwal from "taskwal";
import { z } from "zod";
import { dumpLine, dumpOf, type Change, type Dump } from "./ledger.ts";

/** What the campaign needs of the package "taskwal". */
export type Engine = Pick<
  typeof Taskwal,
  "openStore" | "openTaskStore" | "copyStore" | "cleanState" | "defineEntity" | "defineModel"
>;

export const stateDir = "/state";

/** What the reducer of "tally.added" throws on. */
export const tooMuch = 1_000_000_000;

const makeModel = ({ defineEntity, defineModel }: Engine) => {
  const note = defineEntity({
    name: "note",
    collection: "notes",
    version: 1,
    schema: z.object({ id: z.string(), title: z.string() }),
    lists: { lines: z.object({ text: z.string() }) },
    create: {
      "note.created": {
        payload: z.object({ title: z.string() }),
        reduce: ({ title }, { id }) => ({ id, title }),
      },
    },
    change: {
      "note.renamed": {
        payload: z.object({ title: z.string() }),
        reduce: (note, { title }) => ({ ...note, title }),
      },
      "note.deleted": { payload: z.object({}), reduce: () => undefined },
    },
  });
  const tally = defineEntity({
    name: "tally",
    collection: "tallies",
    version: 1,
    schema: z.object({ id: z.string(), total: z.number() }),
    create: {
      "tally.opened": {
        payload: z.object({ total: z.number() }),
        reduce: ({ total }, { id }) => ({ id, total }),
      },
    },
    change: {
      "tally.added": {
        payload: z.object({ by: z.number() }),
        reduce: (tally, { by }) => {
          if (by >= tooMuch) throw new RangeError("the reducer threw");
          return { ...tally, total: tally.total + by };
        },
      },
    },
    mirror: false,
  });
  return defineModel({
    entities: { notes: note, tallies: tally },
    summary: ({ tallies }) => ({
      metrics: { total: [...tallies.all()].reduce((sum, { total }) => sum + total, 0) },
    }),
  });
};

type NoteModel = ReturnType<typeof makeModel>;

/** Made once: a campaign opens a store some million times. */
const models = new WeakMap<Engine, NoteModel>();

const modelOf = (engine: Engine): NoteModel => {
  const known = models.get(engine) ?? makeModel(engine);
  models.set(engine, known);
  return known;
};
export type NoteStore = Taskwal.StoreOf<NoteModel>;

/** Small numbers, so that a short workload rotates and prunes. */
const sizes = { segmentBytesMax: 3_000, historyBytesMax: 0, historyFilesMax: 0 };

export type NoteOptions = Partial<Taskwal.OpenOptions<NoteModel>>;

export const openNotes = async (
  engine: Engine,
  disk: Disk,
  mirrors = false,
  options: NoteOptions = {},
): Promise<NoteStore> =>
  engine.openStore({
    dir: stateDir,
    model: modelOf(engine),
    disk,
    mirrors,
    ...sizes,
    ...options,
  });

const linesOf = (
  key: string,
  collection: { get(id: string): unknown; version(id: string): number },
  ids: Iterable<string>,
  lines: (id: string) => readonly unknown[],
): string[] =>
  [...ids].flatMap((id) => {
    const version = collection.version(id);
    if (version === 0) return [];
    const value = collection.get(id) as Readonly<Record<string, unknown>> | undefined;
    return [dumpLine(`${key}/${id}`, { version, value, lines: lines(id) })];
  });

/** Everything that the store shows; `deletedIds` are looked up too, since a deleted entity keeps its version. */
export const dumpNotes = (store: NoteStore, deletedIds: Iterable<string>): Dump => {
  const notes = new Set([...deletedIds, ...[...store.notes.all()].map(({ id }) => id)]);
  const tallies = [...store.tallies.all()].map(({ id }) => id);
  return dumpOf([
    ...linesOf("notes", store.notes, notes, (id) => store.notes.list(id, "lines")),
    ...linesOf("tallies", store.tallies, tallies, () => []),
  ]);
};

/** A change as a call, of a store or of a transaction. */
export const call = (
  target: { readonly notes: object; readonly tallies: object },
  { collection, id, type, payload }: Change,
  options: object = {},
): unknown => {
  const methods = target[collection as "notes" | "tallies"] as Record<
    "mutate" | "append",
    (id: string, what: string, payload: unknown, options: object) => unknown
  >;
  return type === "lines"
    ? methods.append(id, type, payload, options)
    : methods.mutate(id, type, payload, options);
};
