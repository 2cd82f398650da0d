/**
 * A task file that somebody edits while the store writes it is kept, whatever the moment.
 *
 * Found after the first of these was promised: two edits that were set aside within one millisecond had one name, and
 * the second was taken for kept; and an edit that was saved while the new file was being synced was replaced.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openTaskStore, type OpenTaskStoreOptions, type TaskStore } from "taskwal";
import { expect, it } from "vitest";

const dir = "/data";
const file = `${dir}/tasks/a.json`;
const entry = { level: "info", type: "output", message: "one" } as const;

const open = (disk: SimDisk, options: OpenTaskStoreOptions = {}): Promise<TaskStore> =>
  openTaskStore({ dir, disk: disk.process(), autosaveMs: Infinity, ...options });

const textOf = (disk: SimDisk, path: string): string =>
  Buffer.from(disk.readRaw(path)).toString("utf8");

const closed = async (): Promise<SimDisk> => {
  const disk = createSimDisk({ seed: 1 });
  const store = await open(disk);
  await store.create({ id: "a", description: "task a", tool: "T" });
  await store.close();
  return disk;
};

const edit = (disk: SimDisk, by: string): string => {
  const text = textOf(disk, file).replace("task a", by);
  expect(text).toContain(by);
  disk.writeRaw(file, Buffer.from(text));
  return text;
};

const keptTexts = (disk: SimDisk): string[] =>
  disk
    .listRaw()
    .filter((path) => path.startsWith(`${dir}/quarantine/`))
    .map((path) => textOf(disk, path));

it("two edits that are set aside in the same millisecond are both kept and both told", async () => {
  const disk = await closed();
  const nowMs = disk.clock.now();
  const told: string[] = [];
  const texts: string[] = [];
  for (const by of ["hand one", "hand two"]) {
    texts.push(edit(disk, by));
    const on = {
      "mirror:conflict": ({ quarantined }: { quarantined: string }) => told.push(quarantined),
    };
    const store = await open(disk, { on });
    await store.log("a", entry);
    await store.close();
  }
  // The clock of this machine stood still, as a millisecond does for who is fast.
  expect(disk.clock.now()).toBe(nowMs);
  expect(keptTexts(disk).toSorted()).toEqual(texts.toSorted());
  expect(new Set(told).size).toBe(2);
});

it.each(["changed", "deleted"])(
  "an edit that is saved while the file of a task that was %s is being replaced is kept and told",
  async (what) => {
    const disk = await closed();
    const told: string[] = [];
    const on = {
      "mirror:conflict": ({ quarantined }: { quarantined: string }) => told.push(quarantined),
    };
    const store = await open(disk, { on });
    await (what === "changed" ? store.log("a", entry) : store.delete("a"));
    // After the look that found it ours: the new file's own sync, or the second look at the old one.
    let wasRead = false;
    const release = disk.hang(({ kind, path }) => {
      if (what === "changed") return kind === "sync" && path === `${file}.tmp`;
      if (kind === "read" && path === file) wasRead = true;
      return wasRead && kind === "stat" && path === file;
    });
    const closing = store.close();
    for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
    const text = edit(disk, "by hand");
    release();
    await closing;
    expect(keptTexts(disk)).toEqual([text]);
    expect(told).toHaveLength(1);
    if (what === "deleted") expect(disk.listRaw()).not.toContain(file);
    else expect(textOf(disk, file)).toContain('"message":"one"');
  },
);
