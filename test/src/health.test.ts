/**
 * What `health()` says of a store, well or sick, and that asking harms nothing.
 *
 *     a store on the simulated disk ─ one thing goes wrong ─> status, the reason's code, the field that shows it
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openNodeDisk } from "@taskwal/disk";
import { createSimDisk, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import { openTaskStore } from "taskwal";
import { expect, test } from "vitest";
import { openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";
import { scratchDirectories, simTreeOf, treeOf } from "./world/scratch.ts";

const scratch = scratchDirectories();

const codesOf = ({ reasons }: Awaited<ReturnType<NoteStore["health"]>>): string[] =>
  reasons.map((reason) => reason.split(":")[0] ?? "");

/** A store with a note, a snapshot and a backup. */
const withNote = async (sim: SimDisk): Promise<NoteStore> => {
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "one" });
  await store.snapshot();
  await store.notes.append("a", "lines", { text: "two" });
  await store.snapshot();
  return store;
};

test("a store that is well says so, and names its directory, disk, saves, backups, log and queue", async () => {
  const sim = createSimDisk({ capacityBytes: 8 * 1024 ** 3, startMs: Date.UTC(2026, 0, 2) });
  const store = await withNote(sim);
  sim.clock.advance(60_000);
  // The log writes its idle mark meanwhile.
  await sim.clock.yield();
  const health = await store.health();
  expect(health).toMatchObject({
    status: "ok",
    reasons: [],
    atMs: Date.UTC(2026, 0, 2) + 60_000,
    directory: { path: "/state", exists: true, writable: true, mode: 0o700, isPrivate: true },
    disk: { totalBytes: 8 * 1024 ** 3, freeBytes: 8 * 1024 ** 3 - sim.usedBytes },
    saves: {
      last: { atMs: Date.UTC(2026, 0, 2), sequence: store.sequence },
      failuresInRow: 0,
      lagRecords: 0,
      lagMs: 0,
    },
    backups: { count: 1, isFailing: false },
    log: { sequence: store.sequence, durable: store.sequence, epoch: 1, lockBackend: "fs-ext" },
    queue: { length: 0, bytes: 0, bytesMax: 64 * 1024 * 1024 },
    damagedCount: 0,
  });
  expect(health.log.poisoned).toBeUndefined();
  const [backup] = health.backups.files;
  expect(backup).toMatchObject({ atMs: Date.UTC(2026, 0, 2), sequence: store.sequence - 1 });
  expect(sim.listRaw()).toContain(`/state/${backup?.name}`);
  await store.close();
});

/** The log writes once more when it has rested for 50 ms: an idle mark, and HEAD. */
const treeAtRest = async (dir: string): Promise<Record<string, string>> => {
  const isMarked = (): boolean =>
    readdirSync(join(dir, "wal")).some((name) =>
      /"dur":\d+\}\n$/.test(readFileSync(join(dir, "wal", name), "latin1")),
    );
  while (!isMarked()) await delay(10);
  for (let tree = treeOf(dir); ;) {
    await delay(300);
    const later = treeOf(dir);
    if (JSON.stringify(later) === JSON.stringify(tree)) return tree;
    tree = later;
  }
};

test("asking writes nothing, on the simulated and on the real disk", async () => {
  const sim = createSimDisk();
  const store = await withNote(sim);
  const before = [simTreeOf(sim), sim.callCount];
  await store.health();
  store.telemetry();
  expect([simTreeOf(sim), sim.callCount]).toEqual(before);
  await store.close();

  const dir = scratch();
  const real = await openTaskStore({ dir });
  await real.create({ description: "d", tool: "t" });
  await real.snapshot();
  const tree = await treeAtRest(dir);
  await real.health();
  expect(treeOf(dir)).toEqual(tree);
  await real.close();
});

test("bytes and files are those of each part, as the files say", async () => {
  const dir = scratch();
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "d", tool: "t" });
  await store.sessions.create({ id: "s", type: "t", status: "active" });
  await store.snapshot();
  await store.update("a", { status: "in_progress" });
  await store.snapshot();
  mkdirSync(join(dir, "quarantine"));
  writeFileSync(join(dir, "quarantine/torn"), "torn bytes");
  const sum = (names: readonly string[]): object => ({
    files: names.length,
    bytes: names.reduce((bytes, name) => bytes + statSync(join(dir, name)).size, 0),
    isEstimate: false,
  });
  const inside = (folder: string): string[] =>
    readdirSync(join(dir, folder)).map((name) => `${folder}/${name}`);
  const { usage } = (await store.health()).directory;
  expect(usage).toEqual({
    snapshot: sum(["state.json"]),
    backups: sum(readdirSync(dir).filter((name) => name.startsWith("state.backup."))),
    log: sum(inside("wal")),
    mirrors: sum([...inside("tasks"), ...inside("sessions")]),
    quarantine: { files: 1, bytes: 10, isEstimate: false },
    other: sum(["LOCK"]),
  });
  expect(usage?.backups.files).toBe(1);
  expect(usage?.mirrors.files).toBe(2);
  await store.close();
});

test("of a folder with many files some are asked for their size, and the sum says that it is an estimate", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  for (let count = 0; count < 3_000; count += 1) {
    sim.writeRaw(`/state/quarantine/${count}`, new Uint8Array(7));
  }
  let asked = 0;
  const counting = ({ kind }: SimCall): boolean => {
    if (kind === "stat") asked += 1;
    return false;
  };
  sim.fail(counting, "EIO", { times: "forever" });
  const { usage } = (await store.health()).directory;
  expect(usage?.quarantine).toEqual({ files: 3_000, bytes: 21_000, isEstimate: true });
  expect(asked).toBeLessThan(300);
  sim.clearFaults();
  await store.close();
});

test("records that are in no snapshot are counted, and for how long; calls that wait are, too", async () => {
  const sim = createSimDisk();
  const store = await withNote(sim);
  sim.clock.advance(5_000);
  await store.notes.mutate("b", "note.created", { text: "b" });
  sim.clock.advance(3_000);
  await store.notes.mutate("c", "note.created", { text: "c" });
  expect((await store.health()).saves).toMatchObject({ lagRecords: 2, lagMs: 3_000 });
  await store.snapshot();
  expect((await store.health()).saves).toMatchObject({ lagRecords: 0, lagMs: 0 });
  const release = sim.hang(({ kind }) => kind === "write");
  const calls = [1, 2, 3].map((text) =>
    store.notes.mutate("c", "note.edited", { text: `${text}` }),
  );
  await sim.clock.yield();
  const { queue, log } = await store.health();
  expect(queue.length).toBe(3);
  expect(queue.bytes).toBeGreaterThan(3 * 256);
  expect(log.durable).toBe(store.sequence);
  release();
  await Promise.all(calls);
  expect((await store.health()).queue).toMatchObject({ length: 0, bytes: 0 });
  await store.close();
});

test("a poisoned store has failed, says why, and is well again once it was reopened", async () => {
  const sim = createSimDisk();
  const store = await withNote(sim);
  sim.fail(({ kind }) => kind === "sync" || kind === "write", "EIO");
  await refusalOf(store.notes.mutate("b", "note.created", { text: "b" }));
  const sick = await store.health();
  expect([sick.status, codesOf(sick)]).toEqual(["failed", ["poisoned"]]);
  expect(sick.log.poisoned).toBe(store.poisoned);
  expect(sick.directory.writable).toBe(false);
  await store.reopen();
  expect((await store.health()).status).toBe("ok");
  await store.close();
  const closed = await store.health();
  expect([closed.status, codesOf(closed), closed.directory.writable]).toEqual([
    "failed",
    ["closed"],
    false,
  ]);
});

test("a directory that is gone, or that the system does not let be written, has failed", async () => {
  const dir = scratch();
  const gone = await openTaskStore({ dir });
  rmSync(dir, { recursive: true });
  const missing = await gone.health();
  expect(missing.status).toBe("failed");
  expect(codesOf(missing)).toContain("directory-missing");
  expect(missing.directory).toMatchObject({ exists: false, writable: false });
  await refusalOf(gone.close());

  const sim = createSimDisk();
  const store = await withNote(sim);
  sim.fail(({ kind }) => kind === "access", "EROFS");
  const denied = await store.health();
  expect([denied.status, codesOf(denied), denied.directory.writable]).toEqual([
    "failed",
    ["not-permitted"],
    false,
  ]);
  expect(denied.reasons[0]).toContain("mode 0700");
  expect((await store.health()).status).toBe("ok");
  await store.close();
});

test("a mode wider than 0700 is degraded, and named", async () => {
  const dir = scratch();
  const store = await openTaskStore({ dir });
  chmodSync(dir, 0o755);
  const health = await store.health();
  expect([health.status, codesOf(health)]).toEqual(["degraded", ["directory-open"]]);
  expect(health.directory).toMatchObject({ mode: 0o755, isPrivate: false, writable: true });
  await store.close();
});

test("a full disk has failed until there is room again, one with little room is degraded", async () => {
  const sim = createSimDisk({ capacityBytes: 200_000 });
  const store = await withNote(sim);
  sim.capacityBytes = sim.usedBytes + 10;
  await refusalOf(store.notes.mutate("b", "note.created", { text: "b" }));
  const full = await store.health();
  expect([full.status, codesOf(full)]).toEqual(["failed", ["disk-full", "disk-low"]]);
  expect(full.directory.writable).toBe(false);
  sim.capacityBytes = 20 * sim.usedBytes;
  await store.notes.mutate("b", "note.created", { text: "b" });
  expect((await store.health()).status).toBe("ok");
  await store.close();
});

/** All that `health` asks of the disk, and the reason that it gives when that fails. */
const looks: readonly (readonly [SimCall["kind"], readonly string[]])[] = [
  ["stat", ["disk-unreadable"]],
  ["list", ["disk-unreadable"]],
  ["fileSystem", ["disk-unreadable"]],
  ["access", ["not-permitted"]],
];

test.each(looks)(
  "a disk that fails at %s is a reason, and never a rejection",
  async (kind, codes) => {
    const sim = createSimDisk();
    const store = await withNote(sim);
    sim.fail((call) => call.kind === kind, "EIO", { times: "forever" });
    const health = await store.health();
    expect(codesOf(health)).toEqual(codes);
    expect(health.log.durable).toBe(store.sequence);
    sim.clearFaults();
    await store.close();
  },
);

test("a disk that does not answer at all is told after two seconds, with what the engine knows", async () => {
  const sim = createSimDisk();
  const store = await withNote(sim);
  const release = sim.hang(({ kind }) => kind === "fileSystem");
  const asked = store.health();
  await sim.clock.yield();
  sim.clock.advance(2_000);
  const health = await asked;
  expect([health.status, codesOf(health)]).toEqual(["failed", ["disk-silent"]]);
  expect(health.log.durable).toBe(store.sequence);
  expect(health.disk).toBeUndefined();
  release();
  expect((await store.health()).status).toBe("ok");
  await store.close();
});

test("entities that lost mutations are counted until they are accepted, also across a snapshot", async () => {
  const sim = createSimDisk();
  const first = await openNotes(sim.process());
  for (const text of ["1", "2", "3"]) {
    await (text === "1"
      ? first.notes.mutate("a", "note.created", { text })
      : first.notes.mutate("a", "note.edited", { text }));
  }
  await first.close();
  for (const path of sim.listRaw()) if (path.endsWith("state.json")) sim.removeRaw(path);
  const segment = sim.listRaw().find((path) => path.endsWith(".jsonl")) ?? "";
  const bytes = Buffer.from(sim.readRaw(segment));
  sim.flipBit(segment, bytes.indexOf('"text":"2"') * 8);
  const store = await openNotes(sim.process());
  const hurt = await store.health();
  expect([hurt.status, codesOf(hurt), hurt.damagedCount]).toEqual(["degraded", ["damaged"], 1]);
  expect(store.telemetry().corruptions).toBe(1);
  await store.close();
  const again = await openNotes(sim.process());
  expect((await again.health()).damagedCount).toBe(1);
  await again.accept("notes", "a");
  expect(again.damaged).toEqual([]);
  expect(await again.health()).toMatchObject({ status: "ok", damagedCount: 0 });
  await again.close();
});

test("a read-only store tells what concerns reading, from beside its writer", async () => {
  const sim = createSimDisk();
  const writer = await withNote(sim);
  const reader = await openNotes(sim.process(), { readOnly: true });
  sim.fail(({ kind }) => kind === "access", "EROFS");
  const health = await reader.health();
  expect(health).toMatchObject({
    status: "ok",
    directory: { exists: true, writable: false },
    saves: { last: { sequence: writer.sequence } },
    backups: { count: 1 },
    log: { durable: writer.sequence, epoch: 1 },
  });
  expect(health.log.lockBackend).toBeUndefined();
  expect(reader.telemetry().loads.count).toBe(1);
  await reader.close();
  expect(codesOf(await reader.health())).toEqual(["closed"]);
  await writer.close();
});

test("free and total bytes of a real disk are those of its file system", async () => {
  const dir = scratch();
  const store = await openTaskStore({ dir });
  const { disk } = await store.health();
  const { totalBytes } = await (await openNodeDisk().openDirectory(dir)).fileSystem();
  expect(disk?.totalBytes).toBe(totalBytes);
  expect(disk?.freeBytes).toBeGreaterThan(0);
  await store.close();
});
