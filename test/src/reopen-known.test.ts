/**
 * Opening again what this process had open: it knows which store that was, and what it acknowledged.
 *
 * A directory that is removed under a living store, or a volume that is no longer mounted, came back as a new and empty store:
 * everything seemed lost, and what was written next went to a place that the next mount hides.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { StatePersistence } from "@taskwal/adapters/state-persistence";
import { DiskFailedError } from "taskwal";
import { describe, expect, test } from "vitest";
import { notesOf, openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";
import { scratchDirectories, treeOf } from "./world/scratch.ts";

const scratch = scratchDirectories();

/** A store with three notes that has seen that its files are not where they were. */
const left = async (dir: string, leave: () => void): Promise<NoteStore> => {
  const store = await openNotes(undefined, { dir });
  for (const id of ["a", "b", "c"]) await store.notes.mutate(id, "note.created", { text: id });
  leave();
  await expect(store.notes.mutate("d", "note.created", { text: "d" })).rejects.toThrow(
    DiskFailedError,
  );
  expect(store.poisoned).toBeDefined();
  return store;
};

const three = { a: [1, "a"], b: [1, "b"], c: [1, "c"] };

describe("a store whose directory is not what it was", () => {
  test.each([
    ["removed", () => {}],
    ["removed, and made anew without anything in it", mkdirSync],
    [
      "that of a volume that is not mounted, with other files in it",
      (dir: string) => {
        mkdirSync(dir);
        writeFileSync(join(dir, ".keep"), "");
      },
    ],
  ])("is not opened again as an empty one, where it was %s; reads go on", async (_, instead) => {
    const dir = join(scratch(), "state");
    const aside = `${dir} aside`;
    const store = await left(dir, () => {
      renameSync(dir, aside);
      instead(dir);
    });
    const before = existsSync(dir) ? treeOf(dir) : undefined;
    for (let tried = 0; tried < 2; tried += 1) {
      expect(await refusalOf(store.reopen())).toMatchObject({ code: "DISK_FAILED", path: dir });
      expect(existsSync(dir) ? treeOf(dir) : undefined).toEqual(before);
      expect(notesOf(store)).toEqual(three);
    }
    rmSync(dir, { recursive: true, force: true });
    renameSync(aside, dir);
    await store.reopen();
    // The refused one may be there: its outcome was unknown.
    expect(notesOf(store)).toMatchObject(three);
    await store.notes.mutate("e", "note.created", { text: "e" });
    await store.close();
  });

  test("is not exchanged for another store that stands there", async () => {
    const dir = join(scratch(), "state");
    const other = join(scratch(), "other");
    const another = await openNotes(undefined, { dir: other });
    await another.notes.mutate("x", "note.created", { text: "x" });
    await another.close();
    const log = (): readonly string[] =>
      readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
    const store = await left(dir, () => {
      rmSync(dir, { recursive: true });
      cpSync(other, dir, { recursive: true });
    });
    const segments = log();
    const error = await refusalOf(store.reopen());
    expect(String(error)).toContain("it no longer holds the store that was open here");
    expect(log()).toEqual(segments);
    expect(notesOf(store)).toEqual(three);
    await store.close();
    // The other one is nobody's now, and whole.
    const again = await openNotes(undefined, { dir });
    expect(notesOf(again)).toEqual({ x: [1, "x"] });
    await again.close();
  });

  test("refuses the saves of the drop-in's host with the reason, and shows all that it had, until it is back", async () => {
    const dir = join(scratch(), "state");
    const persistence = new StatePersistence({ basePath: dir });
    const task = (id: string) => ({
      id,
      description: id,
      status: "pending" as const,
      tool: "T",
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
      logs: [],
    });
    for (const id of ["a", "b"]) await persistence.saveTask(task(id));
    renameSync(dir, `${dir} aside`);
    for (const id of ["c", "d"])
      await expect(persistence.saveTask(task(id))).rejects.toThrow(DiskFailedError);
    expect((await persistence.loadTasks()).map(({ id }) => id)).toEqual(["a", "b"]);
    renameSync(`${dir} aside`, dir);
    await expect
      .poll(
        () =>
          persistence.saveTask(task("e")).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000, interval: 300 },
      )
      .toBe(true);
    const ids = (await persistence.loadTasks()).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["a", "b", "e"]));
    await persistence.shutdown();
  });
});

test("a last batch that rots before the store is opened again is lost, and told, not taken for one that was never acknowledged", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("a", "note.edited", { text: "last" });
  // What a watermark says of it comes with the next batch, or when the log rests: not yet.
  const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
  sim.fail(({ kind }) => kind === "write", "EIO");
  await refusalOf(store.notes.mutate("a", "note.edited", { text: "refused" }));
  const text = Buffer.from(sim.readRaw(path)).toString();
  const head = sim.listRaw().find((name) => name.endsWith("/HEAD"));
  if (head !== undefined) sim.removeRaw(head);
  sim.writeRaw(path, Buffer.from(text.replace(/[^\n]*"last"[^\n]*\n/, "rotten\n")));
  const told: unknown[] = [];
  store.on("state:corruption", (report) => told.push(report.lost));
  const report = await store.reopen();
  expect(report.lost).toHaveLength(1);
  expect(told).toEqual([report.lost]);
  expect(notesOf(store)).toMatchObject({ a: [1, "a"] });
  await store.close();
});
