/**
 * Stores of every schema version that was ever shipped, as the code of their day left them.
 *
 * The rule: a fixture is kept for ever; today's model opens a copy, and the whole state is what stands here.
 */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { openStore, openTaskStore } from "taskwal";
import { expect, test } from "vitest";
import { repository } from "./documents.ts";
import { acknowledged, secondModel, secondNotes } from "./world/migrating-model.ts";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();

const copyOf = (fixture: string): string => {
  const dir = join(scratch(), "state");
  cpSync(join(repository, "test/fixtures", fixture), dir, { recursive: true });
  return dir;
};

const schemaIn = (dir: string): unknown =>
  (JSON.parse(readFileSync(join(dir, "state.json"), "utf8")) as { schema: unknown }).schema;

// Planted: leave the lists out of what is migrated; take a payload of version 1 as it is.
test.each([
  ["schemas/notes-v1", { note: 1 }, 1],
  ["schemas/notes-v2", { note: 2 }, 0],
])("the notes of %s open whole with today's model", async (fixture, schema, migrations) => {
  const dir = copyOf(fixture);
  expect(schemaIn(dir)).toEqual(schema);
  let migrated = 0;
  const store = await openStore({
    dir,
    model: secondModel,
    disk: openNodeDisk(),
    mirrors: false,
    on: { "migration:done": () => (migrated += 1) },
  });
  expect(secondNotes(store)).toEqual(acknowledged);
  expect(store.digest()).toBe("d30bb5f5762ecb374f44e630b4c165a4fd08880c0afc8a1564de984b7c1ef519");
  expect(store.recovery.lost).toEqual([]);
  await store.close();
  expect([schemaIn(dir), migrated]).toEqual([{ note: 2 }, migrations]);
});

test("the tasks of format 1 and schema 1 open whole with today's model", async () => {
  const dir = copyOf("format-v1");
  expect(schemaIn(dir)).toEqual({ session: 1, task: 1 });
  const store = await openTaskStore({ dir, mirrors: false });
  expect(store.list().map((task) => [task.id, task.description, task.status])).toEqual([
    ["tests", "fix the tests", "completed"],
  ]);
  expect(store.recovery.lost).toEqual([]);
  await store.close();
});
