/**
 * A salvage keeps exactly what the lines that are left come to, whichever lines are damaged.
 *
 * Method: random stores of notes (seeds 1 to 40, and any that TASKWAL_SEED names), random lines spoiled, the log alone;
 * the reference (world/note-lines.ts) folds what is left by hand.
 */
import { Prng, type SimDisk } from "@taskwal/disk/sim";
import { CorruptError, planSalvage, salvage } from "taskwal";
import { describe, expect, test } from "vitest";
import { noteModel, notesOf, openNotes } from "./world/note-model.ts";
import {
  fatesOf,
  linesOf,
  randomNotes,
  recordsOf,
  spoil,
  type NoteFate,
} from "./world/note-lines.ts";
import { simTreeOf } from "./world/scratch.ts";

const seeds = process.env["TASKWAL_SEED"]
  ? [Number(process.env["TASKWAL_SEED"])]
  : Array.from({ length: 40 }, (_, at) => at + 1);

const removeSnapshots = (sim: SimDisk): void => {
  for (const path of sim.listRaw()) if (/\/state\.(json|backup)/.test(path)) sim.removeRaw(path);
};

/** What a program finds there. */
const openedFates = async (sim: SimDisk, dir: string): Promise<Record<string, NoteFate>> => {
  const store = await openNotes(sim.process(), { dir });
  const damaged = new Set(store.damaged.map(({ id }) => id));
  const ids = new Set([...[...store.notes.all()].map(({ id }) => id), ...damaged]);
  const fates = [...ids].map((id): [string, NoteFate] => [
    id,
    {
      text: store.notes.get(id)?.text,
      lines: store.notes.get(id) ? store.notes.list(id, "lines").map(({ text }) => text) : [],
      version: store.notes.version(id),
      whole: !damaged.has(id),
    },
  ]);
  expect([store.recovery.lost, store.recovery.damaged, store.recovery.torn]).toEqual([[], [], []]);
  await store.close();
  return Object.fromEntries(fates);
};

/** Those that are there, or of which something is known to be missing. */
const told = (fates: Record<string, NoteFate>): Record<string, NoteFate> =>
  Object.fromEntries(
    Object.entries(fates).filter(([, { text, whole }]) => text !== undefined || !whole),
  );

describe("a salvage of a damaged log", () => {
  test.each(seeds)(
    "keeps exactly what is left, and the source as it was (seed %i)",
    async (seed) => {
      const sim = await randomNotes(seed);
      removeSnapshots(sim);
      const random = new Prng(seed + 1_000);
      const lines = linesOf(sim).filter(({ record }) => record);
      for (let count = 1 + random.below(8); count > 0; count--) {
        const line = lines[random.below(lines.length)];
        if (line) spoil(sim, line);
      }
      const expected = told(fatesOf(recordsOf(sim)));
      const before = simTreeOf(sim);
      const plan = await planSalvage({ dir: "/state", model: noteModel, disk: sim.process() });
      expect(simTreeOf(sim)).toEqual(before);
      const done = await salvage({
        dir: "/state",
        to: "/new",
        model: noteModel,
        disk: sim.process(),
      });
      expect(done).toEqual(plan);
      const after = simTreeOf(sim);
      for (const [path, hash] of Object.entries(before)) expect(after[path], path).toBe(hash);
      expect(await openedFates(sim, "/new")).toEqual(expected);
    },
  );
});

/** Whatever may happen to a file. */
const harm = (sim: SimDisk, random: Prng): void => {
  const paths = sim.listRaw().filter((path) => /\.jsonl$|\/state\.|HEAD$/.test(path));
  const path = paths[random.below(paths.length)] ?? "";
  const bytes = sim.readRaw(path);
  const choice = random.below(6);
  if (choice === 0) sim.removeRaw(path);
  else if (choice === 1) sim.writeRaw(path, bytes.subarray(0, random.below(bytes.length + 1)));
  else if (choice === 2) sim.writeRaw(path, bytes.fill(0, random.below(bytes.length + 1)));
  else if (bytes.length > 0) sim.flipBit(path, random.below(bytes.length * 8));
};

const shown = async (sim: SimDisk, dir: string): Promise<unknown> => {
  const store = await openNotes(sim.process(), { dir });
  const found = [notesOf(store), store.damaged];
  await store.close();
  return found;
};

describe("a salvage of a store whose files are harmed in any way", () => {
  const seen = { opened: 0, refused: 0 };

  test.each(seeds)(
    "comes to what an opening comes to, and to something also where that is refused (seed %i)",
    async (seed) => {
      const options = { snapshots: true, mirrors: seed % 2 === 0 };
      const sim = await randomNotes(seed, options);
      const random = new Prng(seed + 2_000);
      for (let count = 1 + random.below(4); count > 0; count--) harm(sim, random);
      // Nothing to stand on.
      if (random.below(6) === 0) {
        removeSnapshots(sim);
        const [first] = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
        if (first !== undefined) sim.removeRaw(first);
      }
      const before = simTreeOf(sim);
      const harmed = sim.snapshotState();
      const opened = await shown(sim, "/state").catch((error: unknown) => error);
      sim.restore(harmed);
      const salvaging = salvage({
        dir: "/state",
        to: "/new",
        model: noteModel,
        disk: sim.process(),
      });
      if (opened instanceof Error) {
        expect(opened).toBeInstanceOf(CorruptError);
        seen.refused += 1;
        await salvaging.catch((error: unknown) => expect(error).toBeInstanceOf(CorruptError));
      } else {
        await salvaging;
        expect(await shown(sim, "/new")).toEqual(opened);
        seen.opened += 1;
      }
      const after = simTreeOf(sim);
      for (const [path, hash] of Object.entries(before)) expect(after[path], path).toBe(hash);
    },
  );

  test.skipIf(seeds.length === 1)("was tried on stores that open and on such that do not", () => {
    expect(seen.opened).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(0);
  });
});
