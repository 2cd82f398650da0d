/**
 * Stores of every schema version that was ever shipped, as the code of their day left them.
 *
 * The rule: a fixture is kept for ever; today's model opens a copy, and the whole state is what stands here.
 */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { limits } from "@taskwal/format";
import { openStore, openTaskStore, taskModel } from "taskwal";
import { expect, test } from "vitest";
import { repository } from "./documents.ts";
import { acknowledged, secondModel, secondNotes } from "./world/migrating-model.ts";
import { labelsIn, openWholeSecond, titlesIn } from "./world/partial-migration.ts";
import { notesIn, openPart, openWhole, tagsIn } from "./world/partial-model.ts";
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

test("what waited for a program that knows it, as an older one left it, waits on, and is all there for one that does", async () => {
  const dir = copyOf("schemas/held-v1");
  const state = JSON.parse(readFileSync(join(dir, "state.json"), "utf8")) as object;
  expect(state).toMatchObject({
    schema: { note: 1, tag: 1 },
    held: { length: 3 },
    tags: { length: 1 },
  });
  const disk = openNodeDisk();
  const part = await openPart(disk, { dir });
  expect(notesIn(part)).toEqual({ a: [3, "a>tx"], b: [1, "b"] });
  expect(part.held.map(({ id, type }) => [id, type])).toEqual([
    ["b", "note.archived"],
    ["t", "tag.renamed"],
  ]);
  await part.close();
  const whole = await openWhole(disk, { dir });
  expect([notesIn(whole), tagsIn(whole)]).toEqual([
    { a: [3, "a>tx"], b: [3, "[b]>tx"] },
    { t: [2, "t>tx"] },
  ]);
  expect(whole.held).toEqual([]);
  await whole.close();
  const next = await openWholeSecond(disk, { dir });
  expect([titlesIn(next), labelsIn(next)]).toEqual([
    { a: [3, "a>tx"], b: [3, "[b]>tx"] },
    { t: [2, "t>tx"] },
  ]);
  await next.close();
});

/** Every schema version that a fixture's state.json is of: "note 1". */
const fixtureVersions = (): ReadonlySet<string> => {
  const fixtures = join(repository, "test/fixtures");
  const folders = [
    "format-v1",
    ...readdirSync(join(fixtures, "schemas")).map((name) => `schemas/${name}`),
  ];
  const schemas = folders.map((folder) => schemaIn(join(fixtures, folder)) as object);
  return new Set(schemas.flatMap(Object.entries).map(([name, version]) => `${name} ${version}`));
};

test("every version of the entities that the packages ship, and of the format, has a fixture", () => {
  const versions = fixtureVersions();
  for (const { name, version } of taskModel.entities.values()) {
    for (let each = 1; each <= version; each += 1) expect(versions).toContain(`${name} ${each}`);
  }
  const formats = Array.from(
    { length: limits.formatVersion },
    (_, index) => `format-v${index + 1}`,
  );
  expect(readdirSync(join(repository, "test/fixtures"))).toEqual(expect.arrayContaining(formats));
});
