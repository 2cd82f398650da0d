/**
 * Openings that fail, again and again, as those of a host that tries until the disk is well: they leave nothing behind that
 * the next one does not tidy, and nothing that was acknowledged is gone.
 *
 * Method: the simulated disk; every call of an opening fails, or is where the power goes.
 */
import { createSimDisk, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import { beforeAll, describe, expect, test } from "vitest";
import { notesOf, openNotes, refusalOf } from "./world/note-model.ts";

const walOf = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => path.startsWith("/state/wal/"));
const acknowledged = { a: [1, "a"], b: [1, "b"] };

/** A store that a crash ended: its last records are covered by no promise, and are carried over by the next opening. */
const crashed = async (): Promise<SimDisk> => {
  const sim = createSimDisk();
  const process = sim.process("first");
  const store = await openNotes(process);
  for (const id of ["a", "b"]) await store.notes.mutate(id, "note.created", { text: id });
  process.kill();
  sim.powerCut("none");
  return sim;
};

const isOpened = async (sim: SimDisk): Promise<void> => {
  const store = await openNotes(sim.process("last"));
  expect(notesOf(store)).toEqual(acknowledged);
  await store.close();
  expect(walOf(sim).filter((path) => path.endsWith(".tmp"))).toEqual([]);
};

let calls = 0;
beforeAll(async () => {
  const sim = await crashed();
  const before = sim.callCount;
  const process = sim.process();
  await openNotes(process);
  calls = sim.callCount - before;
  process.kill();
  expect(calls).toBeGreaterThan(10);
});

describe("an opening that fails", () => {
  test.each(["ENOSPC", "EIO", "EACCES"])(
    "at any of its calls with %s, ten times over, leaves one claim and no temporary file more, and is tidied",
    async (errno) => {
      let refused = 0;
      for (let call = 1; call <= calls; call += 1) {
        const sim = await crashed();
        const claims = walOf(sim).filter((path) => path.endsWith(".claim")).length;
        for (let time = 0; time < 10; time += 1) {
          const repair = sim.fail(sim.callCount + call, errno);
          const process = sim.process(`try ${time}`);
          const opening = openNotes(process);
          if ((await refusalOf(opening)) !== undefined) refused += 1;
          repair();
          process.kill();
          sim.powerCut("all");
        }
        const segments = walOf(sim).filter((path) => path.endsWith(".jsonl")).length;
        const claimsNow = walOf(sim).filter((path) => path.endsWith(".claim")).length;
        // Each opening that came as far as a segment has its claim, and so has the next.
        expect(claimsNow, `call ${call}`).toBeLessThanOrEqual(Math.max(claims, segments) + 1);
        expect(walOf(sim).filter((path) => path.endsWith(".tmp")).length).toBeLessThanOrEqual(1);
        await isOpened(sim);
      }
      expect(refused).toBeGreaterThan(calls);
    },
  );

  test("for want of room gives back what it had taken of it at once", async () => {
    const sim = await crashed();
    sim.fail(({ kind, path }) => kind === "write" && path.endsWith(".jsonl.tmp"), "ENOSPC");
    expect(await refusalOf(openNotes(sim.process()))).toBeDefined();
    expect(walOf(sim).filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });

  test("for a power cut at any of its calls leaves what the next opening tidies", async () => {
    let unplaced = 0;
    for (let call = 1; call <= calls; call += 1) {
      for (const inside of [false, true]) {
        const sim = await crashed();
        sim.crashAt(sim.callCount + call, { inside });
        await Promise.race([refusalOf(openNotes(sim.process())), sim.whenCrashed]);
        sim.powerCut("all");
        if (walOf(sim).some((path) => path.endsWith(".jsonl.tmp"))) unplaced += 1;
        await isOpened(sim);
      }
    }
    expect(unplaced).toBeGreaterThan(0);
  });

  test("without a kernel's lock takes no claim of others away: it may be what fences them", async () => {
    const sim = await crashed();
    const isSegment = ({ kind, path }: SimCall): boolean =>
      kind === "create" && path.endsWith(".jsonl.tmp");
    const byName = (name: string) => sim.process(name, { lockBackend: "identity" });
    for (const name of ["failing", "failing too"]) {
      sim.fail(isSegment, "EIO");
      const failing = byName(name);
      await refusalOf(openNotes(failing));
      failing.kill();
    }
    const before = walOf(sim);
    const store = await openNotes(byName("next"));
    expect(walOf(sim)).toEqual(expect.arrayContaining(before));
    await store.close();
  });
});
