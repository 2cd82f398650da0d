/**
 * Alarms are told once when something begins, and not again before it was over.
 *
 *     disk:low  disk:full  disk:denied  backup:failed  state:save-failing        each with its path or its error
 */
import { execFileSync } from "node:child_process";
import { createSimDisk, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import { CorruptError, openTaskStore, type StoreEvents } from "taskwal";
import { expect, onTestFinished, test } from "vitest";
import { openNotes, refusalOf, type NoteOptions, type NoteStore } from "./world/note-model.ts";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();

const alarmNames = [
  "disk:low",
  "disk:full",
  "disk:denied",
  "backup:failed",
  "state:save-failing",
  "state:save-error",
] as const;
type Told = [name: string, facts: Record<string, unknown>];

/** A store whose alarms are kept in the order that they are told. */
const openWatched = async (
  sim: SimDisk,
  options: NoteOptions = {},
): Promise<{ store: NoteStore; told: Told[]; names: () => string[] }> => {
  const told: Told[] = [];
  const on = Object.fromEntries(
    alarmNames.map((name) => [name, (facts: never) => told.push([name, facts])]),
  );
  const store = await openNotes(sim.process(), { on, ...options });
  await settled(sim);
  return { store, told, names: () => told.splice(0).map(([name]) => name) };
};

/** Lets what is looked at beside the calls come to its end. */
const settled = async (sim: SimDisk): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await sim.clock.yield();
};

const edit = (store: NoteStore, text: string): Promise<unknown> =>
  store.notes.mutate("a", "note.edited", { text });

test("disk:low is told once while free bytes go up and down about the mark, and again after they were a quarter above", async () => {
  const sim = createSimDisk();
  const { store, told } = await openWatched(sim, { diskLowBytes: 1_000 });
  const lookAt = async (freeBytes: number): Promise<boolean> => {
    sim.capacityBytes = sim.usedBytes + freeBytes;
    await store.health();
    return told.splice(0).length > 0;
  };
  const seen: boolean[] = [];
  for (const free of [1_000, 999, 1_000, 999, 1_249, 500, 1_250, 1_000, 999, 999])
    seen.push(await lookAt(free));
  expect(seen.map(Number)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
  await store.close();
});

test("disk:low is looked for by an opening, with each autosave, and after a write that had no room", async () => {
  const sim = createSimDisk({ capacityBytes: 100_000 });
  const { store, told } = await openWatched(sim, { autosaveMs: 30_000, diskLowBytes: 50_000 });
  expect(told).toEqual([]);
  await store.notes.mutate("a", "note.created", { text: "a" });
  sim.capacityBytes = sim.usedBytes + 40_000;
  sim.clock.advance(29_999);
  await settled(sim);
  expect(told).toEqual([]);
  sim.clock.advance(1);
  await settled(sim);
  const lowBytes = 50_000;
  expect(told).toMatchObject([["disk:low", { path: "/state", lowBytes }]]);
  expect(told[0]?.[1]["totalBytes"]).toBe(sim.capacityBytes);
  expect(told[0]?.[1]["freeBytes"]).toBeLessThan(40_001);
  await store.close();

  const opened = await openWatched(sim, { diskLowBytes: 50_000 });
  expect(opened.names()).toEqual(["disk:low"]);
  await opened.store.close();

  sim.capacityBytes = undefined;
  const full = await openWatched(sim, { diskLowBytes: 50_000 });
  sim.capacityBytes = sim.usedBytes;
  await refusalOf(edit(full.store, "b"));
  await settled(sim);
  expect(full.names()).toEqual(["disk:full", "disk:low"]);
  sim.capacityBytes = undefined;
  await full.store.close();
});

test("unless told otherwise, a disk is low below a twentieth of it", async () => {
  const [totalBytes, lowBytes] = [1_000_000, 50_000];
  const sim = createSimDisk({ capacityBytes: totalBytes });
  const { store, told } = await openWatched(sim);
  const other = await (await sim.process().createDirectory("/other")).create("large");
  const fill = async (freeBytes: number): Promise<void> => {
    await other.truncate(0);
    await other.truncate(totalBytes - sim.usedBytes - freeBytes);
    await store.health();
  };
  await fill(lowBytes);
  expect(told).toEqual([]);
  await fill(lowBytes - 1);
  expect(told).toEqual([
    ["disk:low", { path: "/state", freeBytes: lowBytes - 1, totalBytes, lowBytes }],
  ]);
  await other.truncate(0);
  await store.close();
});

test("disk:full is told once, with the file, until as much as was refused could be written", async () => {
  const sim = createSimDisk();
  const { store, told, names } = await openWatched(sim, { diskLowBytes: 0 });
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("b", "note.created", { text: "b" });
  sim.capacityBytes = sim.usedBytes + 600;
  const big = "x".repeat(5_000);
  await refusalOf(edit(store, big));
  expect(told).toMatchObject([["disk:full", { error: { code: "ENOSPC" } }]]);
  expect(told.splice(0)[0]?.[1]["path"]).toMatch(/^\/state\/wal\/\d{20}-00000001\.jsonl/);
  // Little ones fit and big ones do not: that is one want of room.
  for (let count = 0; count < 3; count += 1) {
    await edit(store, "y");
    await refusalOf(edit(store, big));
  }
  expect(names()).toEqual([]);
  sim.capacityBytes = sim.usedBytes + 20_000;
  await edit(store, big);
  sim.capacityBytes = sim.usedBytes;
  await refusalOf(edit(store, "z"));
  expect(names()).toEqual(["disk:full"]);
  sim.capacityBytes = undefined;
  await store.close();
});

test("disk:full is told when a snapshot has no room, once however often it fails, and the save that succeeds ends it", async () => {
  const sim = createSimDisk();
  const { store, told } = await openWatched(sim, { diskLowBytes: 0 });
  await store.notes.mutate("a", "note.created", { text: "x".repeat(2_000) });
  sim.capacityBytes = sim.usedBytes + 1_000;
  for (let count = 0; count < 2; count += 1) await refusalOf(store.snapshot());
  expect(told.map(([name]) => name)).toEqual(["disk:full"]);
  expect(told[0]?.[1]["path"]).toBe("/state/state.json.tmp");
  sim.capacityBytes = undefined;
  await store.snapshot();
  await edit(store, "y".repeat(2_000));
  sim.capacityBytes = sim.usedBytes;
  await refusalOf(store.snapshot());
  expect(told.map(([name]) => name)).toEqual(["disk:full", "disk:full"]);
  sim.capacityBytes = undefined;
  await store.close();
});

test("disk:denied is told once with the file that could not be written, and again only after it could", async () => {
  const sim = createSimDisk();
  const { store, told } = await openWatched(sim);
  await store.notes.mutate("a", "note.created", { text: "a" });
  const repair = sim.fail(
    ({ kind, path }) => kind === "create" && path.endsWith("state.json.tmp"),
    "EROFS",
    { times: "forever" },
  );
  for (let count = 0; count < 2; count += 1) await refusalOf(store.snapshot());
  const denied = ["disk:denied", { path: "/state/state.json.tmp", error: { code: "EROFS" } }];
  expect(told).toMatchObject([denied]);
  expect((await store.health()).directory.writable).toBe(false);
  repair();
  await store.snapshot();
  expect((await store.health()).directory.writable).toBe(true);
  await edit(store, "b");
  sim.fail(({ kind }) => kind === "create", "EACCES");
  await refusalOf(store.snapshot());
  expect(told).toMatchObject([denied, ["disk:denied", { error: { code: "EACCES" } }]]);
  await store.close();
});

test("a name that is taken, and a file system without links, are no alarms", async () => {
  const sim = createSimDisk();
  const { store, told } = await openWatched(sim);
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.snapshot();
  await edit(store, "b");
  sim.fail(({ kind }) => kind === "link", "EPERM", { times: "forever" });
  await store.snapshot();
  expect(told).toEqual([]);
  expect(store.telemetry()).toMatchObject({ diskFailures: 0, backups: 1 });
  await store.close();
});

test("backup:failed is told when the old state.json cannot be kept: it stays, and the save is given up and told", async () => {
  const sim = createSimDisk();
  const { store, told } = await openWatched(sim, { autosaveMs: 1_000 });
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.snapshot();
  const before = Buffer.from(sim.readRaw("/state/state.json"));
  await edit(store, "b");
  const isBackup = ({ kind, to = "" }: SimCall): boolean =>
    kind === "link" && to.includes("state.backup.");
  sim.fail(isBackup, "EIO");
  sim.clock.advance(1_000_000);
  await settled(sim);
  expect(told).toMatchObject([
    ["backup:failed", { error: { code: "EIO" } }],
    ["state:save-error", { error: { code: "DISK_FAILED" } }],
  ]);
  expect(Buffer.from(sim.readRaw("/state/state.json")).equals(before)).toBe(true);
  const health = await store.health();
  expect(health.backups).toMatchObject({ count: 0, isFailing: true });
  expect(health.reasons.join()).toContain("backup-failing");
  await store.snapshot();
  expect((await store.health()).backups).toMatchObject({ count: 1, isFailing: false });
  expect(store.telemetry()).toMatchObject({ backups: 1, backupFailures: 1, saveFailures: 1 });
  await store.close();
});

test("state:save-failing is told by the third failure in a row, once, and anew after a save that succeeded", async () => {
  const sim = createSimDisk();
  const { store, names } = await openWatched(sim);
  await store.notes.mutate("a", "note.created", { text: "a" });
  const fail = async (times: number): Promise<void> => {
    await edit(store, "b");
    sim.fail(({ kind, path }) => kind === "rename" && path.includes("state.json"), "EIO", {
      times,
    });
    for (let count = 0; count < times; count += 1) await refusalOf(store.snapshot());
  };
  await fail(2);
  expect([names(), (await store.health()).saves.failuresInRow]).toEqual([[], 2]);
  await store.snapshot();
  await fail(5);
  expect([names(), (await store.health()).saves.failuresInRow]).toEqual([
    ["state:save-failing"],
    5,
  ]);
  await store.snapshot();
  await fail(3);
  expect(names()).toEqual(["state:save-failing"]);
  await store.close();
});

test("alarms outlive a reopening: what was told and is not over is not told again", async () => {
  const sim = createSimDisk();
  const { store, names } = await openWatched(sim, { diskLowBytes: 1_000_000 });
  sim.capacityBytes = sim.usedBytes + 900_000;
  await store.health();
  expect(names()).toEqual(["disk:low"]);
  await store.reopen();
  await settled(sim);
  expect(names()).toEqual([]);
  expect(store.telemetry().loads.count).toBe(2);
  await store.close();
});

test("corruption is told, counted, and refused where that was asked for", async () => {
  const sim = createSimDisk();
  const first = await openNotes(sim.process());
  for (const id of ["a", "b", "c"]) await first.notes.mutate(id, "note.created", { text: "text" });
  await first.close();
  for (const path of sim.listRaw()) if (path.endsWith("state.json")) sim.removeRaw(path);
  const segment = sim.listRaw().find((path) => path.endsWith(".jsonl")) ?? "";
  sim.flipBit(segment, Buffer.from(sim.readRaw(segment)).indexOf('"id":"b"') * 8);
  const told: unknown[] = [];
  const refused = openNotes(sim.process(), { onDamage: "refuse" });
  expect(await refusalOf(refused)).toBeInstanceOf(CorruptError);
  const on = {
    "state:corruption": (...facts: StoreEvents["state:corruption"]) => told.push(...facts),
  };
  const store = await openNotes(sim.process(), { on });
  expect(told).toEqual([store.recovery]);
  expect(store.recovery.lost.length).toBe(1);
  expect(store.telemetry().corruptions).toBe(1);
  await store.close();
});

test("a real file system that runs full is low and full, and well again", async (context) => {
  const dir = scratch();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=0700", "none", dir], {
      stdio: "pipe",
    });
  } catch (error) {
    context.skip(`a file system cannot be mounted here: ${String(error).split("\n")[0]}`);
  }
  onTestFinished(() => void execFileSync("umount", ["-l", dir]));
  const told: string[] = [];
  const on = {
    "disk:low": () => told.push("low"),
    "disk:full": ({ path }: { path: string }) =>
      told.push(`full ${path.slice(dir.length + 1, 5 + dir.length)}`),
  };
  const store = await openTaskStore({ dir, on, autosaveMs: Number.POSITIVE_INFINITY });
  await store.create({ id: "a", description: "d", tool: "t" });
  expect((await store.health()).disk).toMatchObject({ totalBytes: 4 * 1024 * 1024 });
  const message = "x".repeat(256 * 1024);
  const log = (): Promise<unknown> =>
    refusalOf(store.log("a", { level: "info", type: "output", message }));
  let refusals = 0;
  for (let count = 0; count < 40; count += 1) if (await log()) refusals += 1;
  expect(refusals).toBeGreaterThan(20);
  const full = await store.health();
  expect(full.status).toBe("failed");
  expect(told.toSorted()).toEqual(["full wal/", "low"]);
  execFileSync("mount", ["-o", "remount,size=64m", dir]);
  for (let count = 0; count < 4; count += 1) expect(await log()).toBeUndefined();
  expect(await store.health()).toMatchObject({ status: "ok", directory: { writable: true } });
  expect(told.length).toBe(2);
  await store.close();
});
