/**
 * A log that does not come to what a snapshot of it holds is called divergent, whichever of the two knows more.
 *
 * Method: a store whose reducers wrote the snapshot, read by a model whose reducers do another thing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineEntity, defineModel, openStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";

const root = mkdtempSync(join(tmpdir(), "taskwal-divergent-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Its reducers do as usual, but for those given. */
const noteModel = ({ write = "", keepsRemoved = false }) =>
  defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version: 1,
        schema: z.looseObject({ id: z.string(), text: z.string() }),
        lists: { lines: z.string() },
        create: {
          "note.created": {
            payload: z.object({ text: z.string() }),
            reduce: ({ text }, { id }) => ({ id, text: `${text}${write}`, tags: ["a", "b"] }),
          },
        },
        change: {
          "note.removed": {
            payload: z.object({}),
            reduce: (before) => (keepsRemoved ? before : undefined),
          },
        },
      }),
    },
  });

const asWritten = noteModel({});

/** Notes a and b with a line each, and c, which was removed. */
const fill = async (name: string, model = asWritten): Promise<string> => {
  const dir = join(root, name);
  const store = await openStore({ model, dir });
  for (const id of ["a", "b", "c"]) {
    await store.notes.mutate(id, "note.created", { text: id });
    await store.notes.append(id, "lines", "one");
  }
  await store.notes.mutate("c", "note.removed", {});
  await store.close();
  return dir;
};

/** The trust in the state at the end, and what is found of each snapshot. */
const told = async (dir: string, model: typeof asWritten): Promise<unknown> => {
  const offline = await open(dir, { model, cacheDir: false });
  try {
    const { last } = await offline.info();
    const { trust } = (await offline.stateAt(last)).provenance;
    const { findings } = await offline.verify();
    const found = findings.filter(({ check }) => check === "divergence");
    return { trust, found: found.map(({ file, entities, message }) => [file, entities, message]) };
  } finally {
    await offline.close();
  }
};

const note = (id: string): object => ({ entity: "note", id });

describe("what a snapshot holds", () => {
  it("is what the log comes to, by the reducers that wrote it", async () => {
    const dir = await fill("same");
    expect(await told(dir, asWritten)).toEqual({ trust: "verified", found: [] });
  });

  it("has other values than the log comes to: that is said, and of how many", async () => {
    const dir = await fill("values");
    expect(await told(dir, noteModel({ write: "!" }))).toMatchObject({
      trust: "divergent",
      found: [["state.json", [note("a")], expect.stringContaining("2 entities are")]],
    });
  });

  it("misses an entity that the log comes to", async () => {
    const dir = await fill("misses");
    expect(await told(dir, noteModel({ keepsRemoved: true }))).toMatchObject({
      trust: "divergent",
      found: [["state.json", [note("c")], expect.stringContaining("1 entity is")]],
    });
  });

  it("has an entity that the log does not come to", async () => {
    const dir = await fill("has", noteModel({ keepsRemoved: true }));
    expect(await told(dir, asWritten)).toMatchObject({
      trust: "divergent",
      found: [["state.json", [note("c")], expect.stringContaining("1 entity is")]],
    });
  });
});
