/**
 * A restored store begins with the very state that was there behind a record, and says what that state lacks.
 *
 * Method: random stores of notes, every sequence; the reference folds the lines by hand (world/note-lines.ts).
 */
import type { SimDisk } from "@taskwal/disk/sim";
import { open as openOffline } from "taskwal/offline";
import { DiskFailedError, restoreStore, type Restored } from "taskwal";
import { describe, expect, test } from "vitest";
import { dumpDirectory } from "./world/dump-disk.ts";
import { noteModel, notesOf, openNotes, refusalOf } from "./world/note-model.ts";
import { fatesOf, linesOf, randomNotes, recordsOf, spoil } from "./world/note-lines.ts";
import { scratchDirectories, simTreeOf } from "./world/scratch.ts";

const dir = "/state";
const restore = (sim: SimDisk, to: string, sequence?: number): Promise<Restored> =>
  restoreStore({ dir, to, sequence, model: noteModel, disk: sim.process() });

/** As `notesOf`, folded by hand. */
const notesAt = (sim: SimDisk, sequence: number): unknown =>
  Object.fromEntries(
    Object.entries(fatesOf(recordsOf(sim).filter(({ seq }) => seq <= sequence)))
      .filter(([, { text }]) => text !== undefined)
      .map(([id, { version, text, lines }]) => [id, [version, text, ...lines]]),
  );

const openedNotes = async (sim: SimDisk, to: string): Promise<unknown> => {
  const store = await openNotes(sim.process(), { dir: to });
  const found = notesOf(store);
  await store.close();
  return found;
};

/** The last of each transaction, and what stands alone. */
const pointsOf = (sim: SimDisk): number[] =>
  recordsOf(sim).flatMap(({ seq, tx: [index, count] = [1, 1] }) => (index === count ? [seq] : []));

describe("a restored store", () => {
  test.each([1, 2])(
    "holds the state behind each record, and is a store that goes on (seed %i)",
    async (seed) => {
      const sim = await randomNotes(seed, { snapshots: true, lives: 2, steps: 14 });
      const before = simTreeOf(sim);
      const start = sim.snapshotState();
      for (const sequence of pointsOf(sim)) {
        sim.restore(start);
        expect(await restore(sim, "/new", sequence)).toMatchObject({ sequence, lost: [] });
        const after = simTreeOf(sim);
        for (const [path, hash] of Object.entries(before)) expect(after[path], path).toBe(hash);
        expect(await openedNotes(sim, "/new"), `@${sequence}`).toEqual(notesAt(sim, sequence));
        const store = await openNotes(sim.process(), { dir: "/new" });
        expect(store.recovery.clean).toBe(true);
        await store.notes.mutate("later", "note.created", { text: "goes on" });
        await store.close();
        expect(await openedNotes(sim, "/new")).toHaveProperty("later", [1, "goes on"]);
      }
    },
    60_000,
  );

  test("is refused inside a transaction, behind the end and before what the log holds", async () => {
    const sim = await randomNotes(4);
    const records = recordsOf(sim);
    const inside = records.find(({ tx }) => tx && tx[0] < tx[1])?.seq ?? 0;
    const last = records.at(-1)?.seq ?? 0;
    const words = `@${inside} is inside a transaction: @${inside - 1} is before it, @${inside + 1} behind it`;
    await expect(restore(sim, "/new", inside)).rejects.toThrow(new RangeError(words));
    for (const sequence of [last + 1, -1])
      await expect(restore(sim, "/new", sequence)).rejects.toThrow(RangeError);
    expect(sim.listRaw().filter((path) => !path.startsWith(dir))).toEqual([]);
  });

  test("is refused where files are, where a file is, and within the store that it is made of", async () => {
    const sim = await randomNotes(4);
    sim.writeRaw("/taken/file", Buffer.from("somebody's"));
    const before = simTreeOf(sim);
    for (const to of ["/taken", "/taken/file", dir, `${dir}/new`, `${dir}/../state/wal`])
      expect(await refusalOf(restore(sim, to)), to).toBeInstanceOf(DiskFailedError);
    expect(simTreeOf(sim)).toEqual(before);
    await sim.process().createDirectory("/empty");
    await restore(sim, "/empty");
    expect(await openedNotes(sim, "/empty")).toEqual(await openedNotes(sim, dir));
  });

  const scratch = scratchDirectories();

  test("agrees with the offline answer in each field, names its parent, and says over which gap it came", async () => {
    const sim = await randomNotes(6);
    const lines = linesOf(sim).filter(({ record }) => record?.type === "note.extended");
    const hit = lines[Math.floor(lines.length / 2)];
    if (!hit?.record) throw new Error("a note was extended");
    const { seq } = hit.record;
    spoil(sim, hit);
    for (const path of sim.listRaw()) if (path.includes("/state.")) sim.removeRaw(path);
    const parent = dumpDirectory(sim, dir, scratch());
    const offline = await openOffline(parent, { model: noteModel, cacheDir: false });
    for (const sequence of pointsOf(sim).filter((one) => one % 7 === 0)) {
      const to = `${scratch()}/new`;
      const { store, lost } = await restoreStore({ dir: parent, to, sequence, model: noteModel });
      expect(lost).toEqual(seq <= sequence ? [[seq, seq]] : []);
      const made = await openOffline(to, { model: noteModel, cacheDir: false });
      const [was, is] = [
        await offline.stateAt(sequence),
        await made.stateAt(await made.point("@last")),
      ];
      for (const id of new Set([...was.ids("note"), ...is.ids("note")]))
        expect(await is.get({ entity: "note", id })).toEqual(await was.get({ entity: "note", id }));
      expect(is.provenance.trust).toBe(seq <= sequence ? "crossed-gap" : "verified");
      expect((await made.verify()).exitCode).toBe(0);
      expect(await made.point("mark:restored")).toBe((await made.info()).last);
      expect((await made.info()).store).not.toBe(store);
      await made.close();
    }
    await offline.close();
  }, 60_000);
});
