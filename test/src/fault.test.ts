/**
 * A full disk, for real: a small tmpfs, and a process that may not write large files.
 *
 *     append until refused ─ nothing of it came, all before it is there ─ space returns ─ append again
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiskFailedError } from "taskwal";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { notesOf, openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";
import { scratchDirectories } from "./world/scratch.ts";
import { show } from "./world/show.ts";
import { startProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();

/** A file system of its own, as small as that; without the right to mount the test is skipped, and says so. */
const mountTmpfs = (context: TestContext, sizeBytes: number): string => {
  const dir = scratch();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "none", dir], {
      stdio: "pipe",
    });
  } catch (error) {
    context.skip(`a tmpfs cannot be mounted here: ${String(error).split("\n")[0]}`);
  }
  onTestFinished(() => void execFileSync("umount", ["-l", dir]));
  return dir;
};

/** Creates notes until one is refused; the ids of all that were acknowledged, and the refusal. */
const fill = async (store: NoteStore, name: string): Promise<{ ids: string[]; error: unknown }> => {
  const ids: string[] = [];
  for (let count = 1; ; count += 1) {
    const id = `${name}-${count}`;
    const text = `${id} `.repeat(700);
    const error = await refusalOf(store.notes.mutate(id, "note.created", { text }));
    if (error !== undefined) return { ids, error };
    ids.push(id);
  }
};

const readBeside = async (dir: string): Promise<Record<string, readonly unknown[]>> => {
  const reader = await openNotes(undefined, { dir, readOnly: true });
  const notes = notesOf(reader);
  await reader.close();
  return notes;
};

test("a full disk refuses the call and keeps the rest; when space returns, the same process appends again", async (context) => {
  const mounted = mountTmpfs(context, 1024 * 1024);
  const dir = join(mounted, "state");
  mkdirSync(dir);
  writeFileSync(join(mounted, "ballast"), Buffer.alloc(400 * 1024));
  const store = await openNotes(undefined, { dir });
  const first = await fill(store, "first");
  expect(first.ids.length).toBeGreaterThan(20);
  expect(first.error).toBeInstanceOf(DiskFailedError);
  expect(first.error).toMatchObject({
    errno: "ENOSPC",
    outcome: "not-written",
    operation: "write",
  });
  expect(store.poisoned).toBe(undefined);
  expect(Object.keys(notesOf(store)), "memory holds what was acknowledged").toEqual(first.ids);
  expect(Object.keys(await readBeside(dir)), "so does the disk").toEqual(first.ids);
  // A snapshot has no room either: it says so, and costs nothing.
  expect(await refusalOf(store.snapshot())).toMatchObject({ code: "DISK_FAILED", errno: "ENOSPC" });

  rmSync(join(mounted, "ballast"));
  const second = await fill(store, "second");
  expect(second.ids.length).toBeGreaterThan(20);
  expect(Object.keys(notesOf(store))).toEqual([...first.ids, ...second.ids]);
  const shown = notesOf(store);
  // Also without room to say that it was closed.
  await store.close();
  const next = await openNotes(undefined, { dir, readOnly: true });
  expect(notesOf(next), "what was refused never came back").toEqual(shown);
  expect(next.recovery.lost).toEqual([]);
  await next.close();
  show(`tmpfs: ${first.ids.length} notes, refused, ${second.ids.length} more after space returned`);
});

test("a directory on a disk that stays full opens again, or refuses whole, and is never read as empty", async (context) => {
  const mounted = mountTmpfs(context, 512 * 1024);
  const dir = join(mounted, "state");
  mkdirSync(dir);
  writeFileSync(join(mounted, "ballast"), Buffer.alloc(100 * 1024));
  const store = await openNotes(undefined, { dir });
  const { ids } = await fill(store, "note");
  await store.close();
  const rest = join(mounted, "rest");
  expect(() => writeFileSync(rest, Buffer.alloc(1024 * 1024))).toThrow("ENOSPC");
  const error = await refusalOf(openNotes(undefined, { dir }));
  expect(error).toMatchObject({ code: "DISK_FAILED", errno: "ENOSPC" });
  expect(Object.keys(await readBeside(dir))).toEqual(ids);
  rmSync(join(mounted, "ballast"));
  const next = await openNotes(undefined, { dir });
  expect(Object.keys(notesOf(next))).toEqual(ids);
  await next.close();
});

test("a file size limit (RLIMIT_FSIZE) refuses the call and keeps the rest; when it is lifted, the same process appends again", async (context) => {
  const limit = 300_000;
  try {
    execFileSync("prlimit", ["--version"], { stdio: "pipe" });
  } catch {
    context.skip("prlimit(1) is not installed");
  }
  const dir = scratch();
  const child = await startProcess({ under: ["prlimit", `--fsize=${limit}:unlimited`] });
  const filled = await child.run(async ({ openTaskStore, kept }, dir) => {
    const store = await openTaskStore({ dir, mirrors: false, autosaveMs: Infinity });
    kept["store"] = store;
    const ids: string[] = [];
    for (;;) {
      try {
        const { value } = await store.create({ description: "x".repeat(5_000), tool: "t" });
        ids.push(value.id);
      } catch (error) {
        const { errno, outcome } = error as DiskFailedError;
        return {
          ids,
          errno,
          outcome,
          shown: store.list().map(({ id }) => id),
          poisoned: store.poisoned !== undefined,
        };
      }
    }
  }, dir);
  expect(filled).toMatchObject({ errno: "EFBIG", outcome: "not-written", poisoned: false });
  expect(filled.ids.length).toBeGreaterThan(40);
  expect(filled.shown).toEqual(filled.ids);

  execFileSync("prlimit", ["--pid", String(child.pid), "--fsize=unlimited"]);
  const id = await child.run(async ({ kept }) => {
    const { value } = await kept["store"].create({ description: "after", tool: "t" });
    return value.id as string;
  }, undefined);
  await child.end("SIGKILL");
  // For writing: a reader shows only what something on the disk vouches for already.
  const next = await startProcess();
  const found = await next.run(async ({ openTaskStore }, dir) => {
    const store = await openTaskStore({ dir });
    return { ids: store.list().map(({ id }) => id), lost: store.recovery.lost };
  }, dir);
  expect(found).toEqual({ ids: [...filled.ids, id], lost: [] });
  show(`RLIMIT_FSIZE ${limit}: ${filled.ids.length} tasks, refused, one more after it was lifted`);
});
