/**
 * A salvage, a restore and a fork leave the store that they read as it was, and the new directory absent or complete,
 * whichever call the power fails at and whichever call fails.
 *
 * Method: the simulated disk; before each changing call a fork of the machine, then power cuts with all, nothing and
 * every subset of what is unsynced; and each changing call fails once.
 */
import type { PowerCutChoice, SimDisk } from "@taskwal/disk/sim";
import { CorruptError, forkStore, restoreStore, salvage, StoreError } from "taskwal";
import { describe, expect, test } from "vitest";
import { recordCrashPoints } from "./crash/recording.ts";
import { noteModel, notesOf, openNotes, refusalOf } from "./world/note-model.ts";
import { linesOf, randomNotes, spoil } from "./world/note-lines.ts";

const from = "/state";
const to = "/made/new";

const filesIn = (sim: SimDisk, folder: string): Record<string, string> =>
  Object.fromEntries(
    sim
      .listRaw()
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => [
        path.slice(folder.length),
        Buffer.from(sim.readRaw(path)).toString("latin1"),
      ]),
  );

/** Several segments, one record in the middle spoiled. */
const source = async (): Promise<SimDisk> => {
  const sim = await randomNotes(5, { lives: 2, steps: 14 });
  const lines = linesOf(sim).filter(({ record }) => record?.type === "note.extended");
  const line = lines.find(({ path }) => path === lines.at(-1)?.path);
  if (!line) throw new Error("a note was extended in the last segment");
  spoil(sim, line);
  await sim.process().createDirectory("/made");
  sim.powerCut("all");
  return sim;
};

type Run = (sim: SimDisk, signal?: AbortSignal) => Promise<unknown>;

const placeIn = (sim: SimDisk, signal: AbortSignal | undefined) => {
  const disk = sim.process();
  return { dir: from, to, model: noteModel, disk, signal };
};
const verbs: readonly (readonly [name: string, run: Run])[] = [
  ["salvage", (sim, signal) => salvage(placeIn(sim, signal))],
  ["restore", (sim, signal) => restoreStore(placeIn(sim, signal))],
  ["fork", (sim, signal) => forkStore({ ...placeIn(sim, signal), sequence: 21 })],
];

/** Every subset of what is unsynced, where there is little; else nothing, all, and random ones. */
const cutsOf = (sim: SimDisk): PowerCutChoice[] => {
  const { length } = sim.unsynced();
  const random = [1, 2, 3].map((seed): PowerCutChoice => {
    return { writes: "random", names: "subset", seed };
  });
  if (length > 4) return ["none", "all", ...random];
  return Array.from({ length: 2 ** length }, (_, kept): PowerCutChoice => {
    const isKept = (index: number): boolean => (kept & (1 << index)) !== 0;
    return {
      writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
      names: ({ index }) => isKept(index),
    };
  });
};

/** Not its bytes: a write of HEAD or of a seal that fails costs the store nothing. */
const openedNotes = async (sim: SimDisk): Promise<unknown> => {
  const store = await openNotes(sim.process(), { dir: to });
  const found = [notesOf(store), store.damaged, store.recovery.lost, store.recovery.torn];
  await store.close();
  return found;
};

/** Absent or complete; what else is left of it is complete, or refused by every opening. */
const judge = async (
  sim: SimDisk,
  before: Record<string, string>,
  complete: Record<string, string>,
): Promise<"absent" | "complete"> => {
  expect(filesIn(sim, from)).toEqual(before);
  const names = await (await sim.process().openDirectory("/made")).list(".");
  for (const name of names.filter((one) => one !== "new")) {
    expect(name).toMatch(/^new\.unfinished-[0-9a-f]{8}$/);
    const found = filesIn(sim, `/made/${name}`);
    if (Object.keys(found).length === 0 || "/copy.unfinished" in found) continue;
    expect(found).toEqual(complete);
  }
  if (!names.includes("new")) return "absent";
  expect(filesIn(sim, to)).toEqual(complete);
  return "complete";
};

describe.each(verbs)("a %s", (name, run) => {
  /** It as a whole: its calls, and what is there before and after it. */
  const recorded = async () => {
    const sim = await source();
    const before = filesIn(sim, from);
    const start = sim.snapshotState();
    const recorder = recordCrashPoints(sim, name, () => 0);
    await run(sim);
    recorder.stop();
    return { sim, before, start, points: recorder.points, complete: await openedNotes(sim) };
  };

  test("changes nothing in the store that it reads, and takes no lock in it", async () => {
    const sim = await source();
    const recorder = recordCrashPoints(sim, name, () => 0);
    await run(sim);
    recorder.stop();
    for (const { call } of recorder.points) {
      const changed = call.kind === "link" ? call.to : call.path;
      expect(changed, JSON.stringify(call)).not.toMatch(/^\/state(\/|$)/);
    }
  });

  test("leaves it as it was, and the new directory absent or complete, at whichever call the power fails", async () => {
    const sim = await source();
    const before = filesIn(sim, from);
    const recorder = recordCrashPoints(sim, name, () => 0);
    await run(sim);
    recorder.stop();
    // Durable when it resolves.
    sim.powerCut("none");
    const complete = filesIn(sim, to);
    expect(Object.keys(complete).length).toBeGreaterThan(3);
    const seen = { absent: 0, complete: 0 };
    for (const point of recorder.points) {
      sim.restore(point.state);
      for (const cut of cutsOf(sim)) {
        sim.restore(point.state);
        sim.powerCut(cut);
        seen[await judge(sim, before, complete)] += 1;
      }
    }
    expect(seen.absent).toBeGreaterThan(50);
    expect(seen.complete).toBeGreaterThan(0);
  }, 120_000);

  test("is refused by an opening of what a power cut left of it, and done by the next run", async () => {
    const sim = await source();
    const recorder = recordCrashPoints(sim, name, () => 0);
    await run(sim);
    recorder.stop();
    const half = recorder.points.findLast(({ call }) => call.path.endsWith("state.json.tmp"));
    if (!half) throw new Error("it writes a state.json");
    sim.restore(half.state);
    sim.powerCut("all");
    const [left = ""] = await (await sim.process().openDirectory("/made")).list(".");
    const opening = openNotes(sim.process(), { dir: `/made/${left}` });
    expect(await refusalOf(opening)).toBeInstanceOf(CorruptError);
    await run(sim);
    const store = await openNotes(sim.process(), { dir: to });
    expect([...store.notes.all()].length).toBeGreaterThan(0);
    await store.close();
  });

  test.each(["EIO", "ENOSPC"])(
    "whose calls fail with %s leaves the new directory absent or complete, and what it made is gone",
    async (errno) => {
      const { sim, before, start, points, complete } = await recorded();
      const outcomes = new Set<string>();
      for (const { call } of points) {
        sim.restore(start);
        const repair = sim.fail((one) => one.number === call.number, errno);
        const error = await refusalOf(run(sim));
        repair();
        if (error !== undefined) expect(error).toBeInstanceOf(StoreError);
        expect(filesIn(sim, from)).toEqual(before);
        const names = await (await sim.process().openDirectory("/made")).list(".");
        if (error === undefined || names.includes("new")) {
          expect(names, JSON.stringify(call)).toEqual(["new"]);
          expect(await openedNotes(sim)).toEqual(complete);
          outcomes.add(error ? "complete, and an error" : "complete");
        } else {
          expect(names, JSON.stringify(call)).toEqual([]);
          outcomes.add("absent");
        }
      }
      expect(outcomes).toContain("absent");
    },
    120_000,
  );

  test("that is interrupted at any call takes back what it has begun, or is complete", async () => {
    const { sim, before, start, points, complete } = await recorded();
    const outcomes = new Set<string>();
    for (const { call } of points) {
      sim.restore(start);
      const interrupt = new AbortController();
      // It looks at each call, and fails none.
      const stop = sim.fail((one) => {
        if (one.number === call.number) interrupt.abort();
        return false;
      }, "EIO");
      const error = await refusalOf(run(sim, interrupt.signal));
      stop();
      expect(filesIn(sim, from)).toEqual(before);
      const names = await (await sim.process().openDirectory("/made")).list(".");
      if (error === undefined) {
        expect(names, JSON.stringify(call)).toEqual(["new"]);
        expect(await openedNotes(sim)).toEqual(complete);
        outcomes.add("complete");
      } else {
        expect(error).toBe(interrupt.signal.reason);
        expect(names, JSON.stringify(call)).toEqual([]);
        outcomes.add("absent");
      }
    }
    expect(outcomes).toEqual(new Set(["absent", "complete"]));
  }, 120_000);
});
