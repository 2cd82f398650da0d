/**
 * After a loss, an entity whose file is ahead of the log, and longer than a record can be: the store opens, says what it
 * lost, and keeps the file aside.
 *
 * Method: the simulated disk; a note with a list of 18 MB, of which the log loses an edit.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { openNotes, type NoteStore } from "./world/note-model.ts";

const mirror = "/state/notes/a.json";
const lineBytes = 9 * 2 ** 20;

const open = (sim: SimDisk): Promise<NoteStore> => openNotes(sim.process(), { mirrors: true });

/** Lets timers of the store fire, and what they begin come to an end. */
const pass = async (sim: SimDisk, ms: number): Promise<void> => {
  for (let at = 0; at < ms; at += 100) {
    sim.clock.advance(100);
    for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
};

const withLoss = async (): Promise<SimDisk> => {
  const sim = createSimDisk();
  const store = await open(sim);
  await store.notes.mutate("a", "note.created", { text: "one" });
  for (const letter of ["x", "y"])
    await store.notes.append("a", "lines", { text: letter.repeat(lineBytes) });
  await store.notes.mutate("a", "note.edited", { text: "a lost edit" });
  await pass(sim, 5_000);
  await store.notes.mutate("b", "note.created", { text: "other" });
  await store.close();
  expect(Buffer.from(sim.readRaw(mirror)).toString()).toContain("a lost edit");
  const [segment = ""] = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
  const at = Buffer.from(sim.readRaw(segment)).indexOf("a lost edit");
  sim.flipBit(segment, at * 8 + 3);
  sim.removeRaw("/state/state.json");
  return sim;
};

test("it opens without what the log lost, says so, and what the file proves is set aside before it is written anew", async () => {
  const sim = await withLoss();
  const before = Buffer.from(sim.readRaw(mirror));
  const store = await open(sim);
  expect(store.notes.get("a")?.text).toBe("one");
  expect(store.notes.list("a", "lines")).toHaveLength(2);
  expect(store.recovery.lost).toHaveLength(1);
  expect(store.recovery.notes.join()).toContain("note a is at version 4 in notes/a.json");
  expect(store.recovery.quarantined.join()).toContain("notes.a.json");
  await pass(sim, 5_000);
  await store.close();
  const kept = sim
    .listRaw()
    .filter((path) => path.startsWith("/state/quarantine/"))
    .filter((path) => before.equals(sim.readRaw(path)));
  expect(kept).toHaveLength(1);
  const again = await open(sim);
  expect(again.recovery.lost).toEqual([]);
  expect(again.notes.get("a")?.text).toBe("one");
  await again.close();
});
