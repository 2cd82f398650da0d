/** What a store keeps is its owner's alone: folders 0700 and files 0600 from their creation, whatever the umask lets through. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  copyStore,
  defineEntity,
  defineModel,
  openStore,
  openTaskStore,
  type Logger,
} from "taskwal";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();

const noteOf = (version: number) =>
  defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version,
        schema: z.looseObject({ id: z.string(), text: z.string() }),
        lists: {},
        ...(version > 1 ? { migrate: { 1: (old: object) => old } } : {}),
        create: {
          "note.created": {
            payload: z.object({ text: z.string() }),
            reduce: (payload, { id }) => ({ ...payload, id }),
          },
        },
        change: {
          "note.edited": {
            payload: z.object({ text: z.string() }),
            reduce: (note, payload) => ({ ...note, ...payload }),
          },
        },
      }),
    },
  });

const modesBelow = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, encoding: "utf8" }).map((name) => {
      const stat = statSync(join(dir, name));
      return [name, `${stat.isDirectory() ? "folder" : "file"} ${(stat.mode & 0o777).toString(8)}`];
    }),
  );

test("every folder of a state directory is 0700 and every file 0600, whatever the umask and whatever has happened", async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const dir = join(scratch(), "made/by/the/store");
  const open = (version: number) =>
    openStore({ dir, model: noteOf(version), autosaveMs: Infinity });
  const first = await open(1);
  await first.notes.mutate("a", "note.created", { text: "a" });
  await first.snapshot();
  await first.notes.mutate("a", "note.edited", { text: "b" });
  await first.close();
  // What somebody edits is set aside, what is torn is reported, what is older is migrated.
  const mirror = join(dir, "notes/a.json");
  writeFileSync(mirror, `${readFileSync(mirror, "utf8")}\n`);
  const segment = readdirSync(join(dir, "wal")).findLast((name) => name.endsWith(".jsonl")) ?? "";
  writeFileSync(join(dir, "wal", segment), "torn", { flag: "a" });
  const second = await open(2);
  await second.notes.mutate("a", "note.edited", { text: "c" });
  await second.snapshot();
  await second.close();

  const modes = modesBelow(dir);
  const names = Object.keys(modes).join(" ");
  for (const part of ["wal/", "notes/", "quarantine/", "recovery/", "state.backup.", "LOCK"])
    expect(names).toContain(part);
  for (const part of ["state.pre-migration.backup.json", "state.migration-v1-to-v2.log", "HEAD"])
    expect(names).toContain(part);
  expect([...new Set(Object.values(modes))].toSorted()).toEqual(["file 600", "folder 700"]);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test("so is what stands beside the log: session logs, reports, the archive, a copy and a dump elsewhere", async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const root = scratch();
  chmodSync(root, 0o700);
  const dir = join(root, "state");
  const store = await openTaskStore({ dir, autosaveMs: Infinity });
  await store.create({ id: "old", description: "d", tool: "t" });
  await store.update("old", { status: "completed" });
  await store.create({ id: "new", description: "d", tool: "t" });
  await store.appendSessionLog("s", "a line");
  await store.writeReport("r", { of: "s" });
  await store.archive({ olderThanMs: 0 });
  await store.snapshot();
  await store.dump(join(root, "elsewhere/dump"));
  await store.close();
  await copyStore({ from: dir, to: join(root, "elsewhere/copy") });

  const modes = modesBelow(root);
  const names = Object.keys(modes).join(" ");
  for (const part of [
    "state/logs/session_",
    "state/reports/report_",
    "state/archive/",
    "state/tasks/",
  ])
    expect(names).toContain(part);
  for (const part of [
    "elsewhere/dump/state.json",
    "elsewhere/copy/state.json",
    "elsewhere/copy/wal/",
  ])
    expect(names).toContain(part);
  expect([...new Set(Object.values(modes))].toSorted()).toEqual(["file 600", "folder 700"]);
});

test("a directory that was opened to others works, is left as it is, and is warned of once an opening", async () => {
  const dir = scratch();
  chmodSync(dir, 0o755);
  const warned: unknown[] = [];
  const nothing = (): void => {};
  const warn = (facts: unknown, message?: string): void => void warned.push([facts, message]);
  const logger: Logger = { debug: nothing, info: nothing, warn, error: nothing };
  const store = await openStore({ dir, model: noteOf(1), logger });
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.close();
  expect(warned).toEqual([
    [{ path: dir, mode: "0755" }, "the state directory is open to others; 0700 keeps it private"],
  ]);
  expect(statSync(dir).mode & 0o777).toBe(0o755);
  expect(existsSync(join(dir, "state.json"))).toBe(true);
});
