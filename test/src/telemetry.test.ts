/** What a store counts of its own work is what it did. */
import { createSimDisk, type SimCall } from "@taskwal/disk/sim";
import { DiskFailedError } from "taskwal";
import { expect, test } from "vitest";
import { openNotes, refusalOf } from "./world/note-model.ts";

const model = { text: "text" };

test("batches, records, syncs and bytes are those that were written, and each sync of the log is told", async () => {
  const sim = createSimDisk();
  let synced = 0;
  const store = await openNotes(sim.process());
  const before = store.telemetry();
  store.on("log:synced", () => (synced += 1));
  const bytesIn = (part: string): number =>
    sim
      .listRaw()
      .reduce((sum, path) => sum + (path.includes(part) ? sim.readRaw(path).length : 0), 0);
  const walBytes = bytesIn("/wal/0");
  await store.notes.mutate("a", "note.created", model);
  await store.transact((tx) => {
    tx.notes.mutate("b", "note.created", model);
    tx.notes.append("b", "lines", model);
  });
  await Promise.all(["c", "d"].map((id) => store.notes.mutate(id, "note.created", model)));
  const after = store.telemetry();
  expect([after.batches - before.batches, after.records - before.records]).toEqual([3, 5]);
  expect(after.syncs.count - before.syncs.count).toBe(3);
  expect(synced).toBe(3);
  expect(after.writtenBytes.log - before.writtenBytes.log).toBeGreaterThanOrEqual(
    bytesIn("/wal/0") - walBytes,
  );
  expect(after.writtenBytes.snapshot).toBe(0);
  await store.snapshot();
  expect(store.telemetry().writtenBytes.snapshot).toBe(bytesIn("state.json"));
  await store.close();
});

test("durations are those of the clock: loads, saves and syncs, in buckets that add up", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", model);
  const slow = sim.hang(({ kind }) => kind === "write");
  const called = store.notes.mutate("a", "note.edited", { text: "b" });
  await sim.clock.yield();
  sim.clock.advance(40);
  slow();
  await called;
  const { syncs } = store.telemetry();
  expect(syncs.sumMs).toBe(40);
  expect(syncs.upTo.at(-1)?.count).toBe(syncs.count);
  expect(syncs.upTo.find(({ boundMs }) => boundMs === 25)?.count).toBe(syncs.count - 1);
  expect(syncs.upTo.find(({ boundMs }) => boundMs === 50)?.count).toBe(syncs.count);

  const release = sim.hang(({ kind, path }) => kind === "create" && path.includes("state.json"));
  const saved = store.snapshot();
  for (let turn = 0; turn < 5; turn += 1) await sim.clock.yield();
  sim.clock.advance(1_234);
  release();
  await saved;
  expect(store.telemetry().saves).toMatchObject({ count: 1, sumMs: 1_234 });
  expect(store.telemetry().loads).toMatchObject({ count: 1 });
  await store.close();
});

test("failures are counted beside what succeeded, and counting goes on across a reopening", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", model);
  sim.fail(({ kind, path }) => kind === "rename" && path.includes("state.json"), "EIO");
  await refusalOf(store.snapshot());
  await store.snapshot();
  expect(store.telemetry()).toMatchObject({
    saveFailures: 1,
    saves: { count: 1 },
    diskFailures: 1,
    corruptions: 0,
  });
  sim.fail(({ kind }) => kind === "write", "EIO");
  await refusalOf(store.notes.mutate("b", "note.created", model));
  const before = store.telemetry();
  expect(before.diskFailures).toBe(2);
  await store.reopen();
  await store.notes.mutate("c", "note.created", model);
  const after = store.telemetry();
  expect(after.loads.count).toBe(2);
  expect(after.records).toBe(before.records + 1);
  await store.close();
});

test("a call that failed for another reason than the system's is no failure of the disk, and is told as what it is", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", model);
  // As Node says of an argument that no file can have.
  const isRename = ({ kind, path }: SimCall): boolean =>
    kind === "rename" && path.includes("state.json");
  sim.fail(isRename, "ERR_OUT_OF_RANGE");
  const refusal = await refusalOf(store.snapshot());
  expect(refusal).not.toBeInstanceOf(DiskFailedError);
  expect(refusal).toHaveProperty("code", "ERR_OUT_OF_RANGE");
  expect(store.telemetry()).toMatchObject({ saveFailures: 1, diskFailures: 0 });
  sim.fail(isRename, "EIO");
  expect(await refusalOf(store.snapshot())).toBeInstanceOf(DiskFailedError);
  expect(store.telemetry()).toMatchObject({ saveFailures: 2, diskFailures: 1 });
  await store.close();
});
