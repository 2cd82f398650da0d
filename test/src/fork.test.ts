/**
 * A fork goes on from a point of its parent, shares the files that are never written again, and never changes them.
 *
 * Method: random stores of notes on the simulated disk, every sequence; the reference folds the lines by hand
 * (world/note-lines.ts). The real disk for what a second name of a file is there.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SimDisk } from "@taskwal/disk/sim";
import { open as openOffline } from "taskwal/offline";
import { forkStore, openStore, type Forked } from "taskwal";
import { describe, expect, test } from "vitest";
import { dumpDirectory } from "./world/dump-disk.ts";
import { noteModel, notesOf, openNotes } from "./world/note-model.ts";
import { fatesOf, linesOf, randomNotes, recordsOf, spoil } from "./world/note-lines.ts";
import { scratchDirectories, simTreeOf, treeOf } from "./world/scratch.ts";

const dir = "/state";
const fork = (sim: SimDisk, to: string, sequence?: number): Promise<Forked> =>
  forkStore({ dir, to, sequence, model: noteModel, disk: sim.process() });

const notesAt = (sim: SimDisk, sequence: number): unknown =>
  Object.fromEntries(
    Object.entries(fatesOf(recordsOf(sim, dir).filter(({ seq }) => seq <= sequence)))
      .filter(([, { text }]) => text !== undefined)
      .map(([id, { version, text, lines }]) => [id, [version, text, ...lines]]),
  );

const pointsOf = (sim: SimDisk): number[] =>
  recordsOf(sim).flatMap(({ seq, tx: [index, count] = [1, 1] }) => (index === count ? [seq] : []));

/** Lives in a store: mutations over several segments, snapshots, a kill, a clean end. */
const live = async (sim: SimDisk, to: string): Promise<void> => {
  for (const end of ["killed", "closed"]) {
    const process = sim.process();
    const store = await openNotes(process, { dir: to, segmentBytesMax: 1_024, historyBytesMax: 0 });
    for (let step = 0; step < 12; step++)
      await store.notes.mutate(`${end} ${step}`, "note.created", { text: "of the fork" });
    await store.snapshot();
    if (end === "killed") process.kill();
    else await store.close();
  }
};

describe("a fork", () => {
  test.each([1, 2])(
    "holds all records up to each point, under the same sequences (seed %i)",
    async (seed) => {
      const sim = await randomNotes(seed, { snapshots: true, lives: 2, steps: 14 });
      const before = simTreeOf(sim);
      const start = sim.snapshotState();
      for (const sequence of pointsOf(sim)) {
        sim.restore(start);
        const { linked, copied, rewritten } = await fork(sim, "/fork", sequence);
        expect(copied).toEqual([]);
        const after = simTreeOf(sim);
        for (const [path, hash] of Object.entries(before)) expect(after[path], path).toBe(hash);
        for (const name of linked) expect(after[`/fork/${name}`]).toBe(before[`${dir}/${name}`]);
        const upTo = recordsOf(sim, dir).filter(({ seq }) => seq <= sequence);
        const own = recordsOf(sim, "/fork").filter(({ seq }) => seq <= sequence);
        expect(own.map(strip)).toEqual(upTo.map(strip));
        expect(rewritten).toBeLessThanOrEqual(upTo.length);
        const store = await openNotes(sim.process(), { dir: "/fork" });
        expect(notesOf(store), `@${sequence}`).toEqual(notesAt(sim, sequence));
        expect(store.recovery.clean).toBe(true);
        await store.close();
      }
    },
    60_000,
  );

  test("never changes a byte of its parent, nor the parent of the fork, whatever either does", async () => {
    const sim = await randomNotes(2, { snapshots: true });
    const { linked, sequence } = await fork(sim, "/fork");
    expect(linked.length).toBeGreaterThan(2);
    const parent = Object.entries(simTreeOf(sim)).filter(([path]) => path.startsWith(`${dir}/`));
    await live(sim, "/fork");
    const after = simTreeOf(sim);
    for (const [path, hash] of parent) expect(after[path], path).toBe(hash);
    // Not by luck: no call ever wrote into a shared file, by either of its names.
    const shared = new Set(linked.flatMap((name) => [`/fork/${name}`, `${dir}/${name}`]));
    const since = sim.trace.slice(sim.trace.findLastIndex(({ to }) => to === "/fork"));
    expect(since.length).toBeGreaterThan(50);
    for (const { kind, path } of since.filter(({ path }) => shared.has(path)))
      expect([kind, path]).toEqual(["remove", path]);

    const forked = Object.entries(simTreeOf(sim)).filter(([path]) => path.startsWith("/fork/"));
    await live(sim, dir);
    const last = simTreeOf(sim);
    for (const [path, hash] of forked) expect(last[path], path).toBe(hash);
    const both = await Promise.all(
      [dir, "/fork"].map((one) => openNotes(sim.process(), { dir: one })),
    );
    for (const store of both) {
      expect(store.recovery.clean).toBe(true);
      expect(Object.keys(notesOf(store))).toEqual(
        expect.arrayContaining(Object.keys(notesAt(sim, sequence) as object)),
      );
      await store.close();
    }
  });

  test.each(["EXDEV", "EPERM"])("copies where a second name is refused with %s", async (errno) => {
    const sim = await randomNotes(2);
    sim.fail(({ kind, to = "" }) => kind === "link" && to.includes(".jsonl"), errno, {
      times: "forever",
    });
    const { linked, copied } = await fork(sim, "/fork");
    expect(linked).toEqual([]);
    expect(copied.length).toBeGreaterThan(2);
    sim.powerCut("none");
    for (const name of copied)
      expect(sim.readRaw(`/fork/${name}`, "durable")).toEqual(sim.readRaw(`${dir}/${name}`));
    const [one, other] = await Promise.all(
      [dir, "/fork"].map((each) => openNotes(sim.process(), { dir: each })),
    );
    expect(one && notesOf(one)).toEqual(other && notesOf(other));
  });

  test("of a store that is being written copies what its writer goes on with, and holds what was durable", async () => {
    const sim = await randomNotes(3);
    const writer = await openNotes(sim.process(), { segmentBytesMax: 1_024 });
    for (let step = 0; step < 20; step++)
      await writer.notes.mutate(`new ${step}`, "note.created", { text: "1" });
    const { linked, rewritten } = await fork(sim, "/fork");
    expect(rewritten).toBeGreaterThan(0);
    const active = linesOf(sim)
      .at(-1)
      ?.path.slice(dir.length + 1);
    expect(linked).not.toContain(active);
    const shown = notesOf(writer);
    for (let step = 0; step < 20; step++)
      await writer.notes.append("new 0", "lines", { text: "2" });
    const store = await openNotes(sim.process(), { dir: "/fork" });
    expect(notesOf(store)).toEqual(shown);
    await store.close();
    await writer.close();
  });

  test("of a fork of a fork holds all of it, and survives both parents", async () => {
    const sim = await randomNotes(5);
    await fork(sim, "/fork");
    await live(sim, "/fork");
    const { linked } = await forkStore({
      dir: "/fork",
      to: "/second",
      model: noteModel,
      disk: sim.process(),
    });
    expect(linked.length).toBeGreaterThan(2);
    const was = await openNotes(sim.process(), { dir: "/fork" });
    const expected = notesOf(was);
    await was.close();
    for (const path of sim.listRaw()) if (!path.startsWith("/second/")) sim.removeRaw(path);
    const store = await openNotes(sim.process(), { dir: "/second" });
    expect(notesOf(store)).toEqual(expected);
    await store.close();
  });

  test("of a damaged store has the damage too, and says so", async () => {
    const sim = await randomNotes(6);
    for (const path of sim.listRaw()) if (path.includes("/state.")) sim.removeRaw(path);
    const lines = linesOf(sim).filter(({ record }) => record?.type === "note.extended");
    for (const line of [lines[2], lines.at(-1)]) if (line) spoil(sim, line);
    const start = sim.snapshotState();
    const parent = await openNotes(sim.process());
    const expected = [notesOf(parent), parent.damaged];
    await parent.close();
    sim.restore(start);
    await fork(sim, "/fork");
    const store = await openNotes(sim.process(), { dir: "/fork" });
    expect([notesOf(store), store.damaged]).toEqual(expected);
    expect(store.damaged.length).toBeGreaterThan(0);
    await store.close();
  });

  const scratch = scratchDirectories();

  test("on a real disk is the same files by a second name, and its header names parent and sequence", async () => {
    const sim = await randomNotes(2);
    const parent = dumpDirectory(sim, dir, scratch());
    const before = treeOf(parent);
    const times = timesIn(parent);
    const to = join(scratch(), "fork");
    const { store, sequence, linked } = await forkStore({ dir: parent, to, model: noteModel });
    expect(linked.length).toBeGreaterThan(2);
    for (const name of linked)
      expect(statSync(join(to, name)).ino).toBe(statSync(join(parent, name)).ino);
    expect(treeOf(parent)).toEqual(before);
    expect(timesIn(parent)).toEqual(times);
    const made = await openStore({ dir: to, model: noteModel });
    await made.notes.mutate("of the fork", "note.created", { text: "1" });
    await made.close();
    expect(treeOf(parent)).toEqual(before);
    expect(timesIn(parent)).toEqual(times);
    const offline = await openOffline(to, { model: noteModel, cacheDir: false });
    expect((await offline.verify()).exitCode).toBe(0);
    expect(await offline.point("mark:forked")).toBe(sequence + 1);
    expect((await offline.stateAt(sequence)).provenance.trust).toBe("verified");
    expect((await offline.info()).store).not.toBe(store);
    await offline.close();
  });
});

const timesIn = (folder: string): Record<string, number> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => [
      name,
      statSync(join(folder, name)).mtimeMs,
    ]),
  );

/** `lag` is what was durable when a line was written. */
const strip = (record: object): object => ({ ...record, crc: "", lag: 0 });
