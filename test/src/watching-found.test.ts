/** What an attack on health and alarms found, each as the test that saw it fail. */
import { createSimDisk, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import type { Logger } from "taskwal";
import { expect, test } from "vitest";
import { openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";

const settled = async (sim: SimDisk): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await sim.clock.yield();
};

/** Three notes in the log, no snapshot; then a bit of the middle one flips. */
const damageLog = (sim: SimDisk): void => {
  for (const path of sim.listRaw()) if (path.endsWith("state.json")) sim.removeRaw(path);
  const segment = sim.listRaw().find((path) => path.endsWith(".jsonl")) ?? "";
  sim.flipBit(segment, Buffer.from(sim.readRaw(segment)).indexOf('"id":"b"') * 8);
};

const withNotes = async (sim: SimDisk, options = {}): Promise<NoteStore> => {
  const store = await openNotes(sim.process(), options);
  for (const id of ["a", "b", "c"]) await store.notes.mutate(id, "note.created", { text: "text" });
  return store;
};

/** Names of events and lines of errors, in the order that they are told. */
const listening = () => {
  const told: string[] = [];
  const on = Object.fromEntries(
    (["state:loaded", "state:corruption", "recovered"] as const).map((name) => [
      name,
      () => told.push(name),
    ]),
  );
  const nothing = (): void => {};
  const error = (_: unknown, message?: string): void => void told.push(`error: ${message}`);
  const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error };
  return { told, on, logger };
};

const corruption = "error: acknowledged records or snapshots no longer read";

test("damage that a reopening finds is told as an opening tells it", async () => {
  const sim = createSimDisk();
  const { told, on, logger } = listening();
  const store = await withNotes(sim, { on, logger });
  sim.fail(({ kind }) => kind === "write" || kind === "sync", "EIO");
  await refusalOf(store.notes.mutate("d", "note.created", { text: "text" }));
  told.length = 0;
  damageLog(sim);
  await store.reopen();
  expect(store.recovery.lost.length).toBe(1);
  expect(told).toEqual(["state:loaded", "state:corruption", corruption, "recovered"]);
  await store.close();
});

test("damage that a reader finds is told and counted as an opening's", async () => {
  const sim = createSimDisk();
  await (await withNotes(sim)).close();
  damageLog(sim);
  const { told, on, logger } = listening();
  const reader = await openNotes(sim.process(), { readOnly: true, on, logger });
  expect(reader.recovery.lost.length).toBe(1);
  expect(told).toEqual(["state:loaded", "state:corruption", corruption, "recovered"]);
  expect(reader.telemetry().corruptions).toBe(1);
  await reader.close();
});

test("a reader is well on a disk without room, such as a read-only image", async () => {
  const sim = createSimDisk();
  await (await withNotes(sim)).close();
  sim.capacityBytes = sim.usedBytes;
  const reader = await openNotes(sim.process(), { readOnly: true });
  const { status, reasons, disk } = await reader.health();
  expect(disk?.freeBytes).toBe(0);
  expect([status, reasons]).toEqual(["ok", []]);
  await reader.close();
});

test("a file system that does not say its size is not full: its numbers are missing, and writes are expected to succeed", async () => {
  const sim = createSimDisk();
  const store = await withNotes(sim);
  // As some file systems in user space answer: none free, of none at all.
  sim.capacityBytes = 0;
  const { status, reasons, disk, directory } = await store.health();
  sim.capacityBytes = undefined;
  expect(disk).toBeUndefined();
  expect(directory.writable).toBe(true);
  expect([status, reasons.map((reason) => reason.split(":")[0])]).toEqual([
    "degraded",
    ["disk-unreadable"],
  ]);
  await store.close();
});

test("the newest snapshot is told also if what is old could not be removed behind it", async () => {
  const sim = createSimDisk();
  const store = await withNotes(sim);
  await store.snapshot();
  for (let count = 0; count < 12; count += 1) {
    await store.notes.mutate("a", "note.edited", { text: `${count}` });
    await store.snapshot();
  }
  await store.notes.mutate("a", "note.edited", { text: "last" });
  const { backups } = store.telemetry();
  sim.fail(({ kind }) => kind === "remove", "EIO", { times: "forever" });
  expect(await refusalOf(store.snapshot())).toMatchObject({ code: "DISK_FAILED" });
  sim.clearFaults();
  expect((await store.health()).saves).toMatchObject({
    last: { sequence: store.sequence },
    failuresInRow: 1,
  });
  expect(store.telemetry().backups).toBe(backups + 1);
  await store.close();
});

test("what is written over again proves no room: disk:full is not told twice while there was none between", async () => {
  const sim = createSimDisk();
  let told = 0;
  const on = { "disk:full": () => (told += 1) };
  const store = await withNotes(sim, { on, diskLowBytes: 0 });
  const big = "x".repeat(900);
  sim.capacityBytes = sim.usedBytes + 1_000;
  const edit = (text: string): Promise<unknown> =>
    refusalOf(store.notes.mutate("a", "note.edited", { text }));
  expect(await edit(big)).toBeDefined();
  expect(told).toBe(1);
  let fitted = 0;
  // HEAD is written over behind each of them.
  while ((await edit("y")) === undefined) {
    fitted += 1;
    sim.clock.advance(60);
    await settled(sim);
  }
  expect(fitted).toBeGreaterThan(1);
  expect(await edit(big)).toBeDefined();
  expect(told).toBe(1);
  sim.capacityBytes = undefined;
  await store.close();
});

const migrationLog = "/state/state.migration-v1-to-v2.log";

test.each<[string, (sim: SimDisk) => Promise<void> | void]>([
  ["is too large to be read", (sim) => sim.writeRaw(migrationLog, new Uint8Array(17 * 1024 ** 2))],
  [
    "is a folder",
    async (sim) =>
      (await sim.process().openDirectory("/state")).createFolder("state.migration-v1-to-v2.log"),
  ],
  [
    "cannot be read",
    (sim) => {
      sim.writeRaw(migrationLog, Buffer.from("{}\n"));
      const isRead = ({ kind, path }: SimCall): boolean => kind === "read" && path === migrationLog;
      sim.fail(isRead, "EIO", { times: "forever" });
    },
  ],
])("a log of migrations is for people: one that %s stops no opening", async (_, spoil) => {
  const sim = createSimDisk();
  await (await withNotes(sim)).close();
  await spoil(sim);
  const store = await openNotes(sim.process());
  expect([...store.notes.all()].length).toBe(3);
  await store.close();
});
