/**
 * Two lives from one copy of a directory: files of both, mixed by whoever restored them.
 *
 * Method: the simulated disk; a fork of the machine, both branches of the same epoch and the same length.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { notesOf, openNotes, type NoteStore } from "./world/note-model.ts";

const statePath = "/state/state.json";

const create = (store: NoteStore, id: string): Promise<unknown> =>
  store.notes.mutate(id, "note.created", { text: id });

/** Found by fuzzing: the first opening left it out, and began a segment behind it; the second one took it. */
test("a state.json of another branch is left out by every opening, also once the log has gone on", async () => {
  const sim = createSimDisk();
  await create(await openNotes(sim.process("before")), "a");
  sim.powerCut("none");
  const fork = sim.snapshotState();

  const other = await openNotes(sim.process("other branch"));
  await create(other, "b");
  await other.snapshot();
  const foreign = Uint8Array.from(sim.readRaw(statePath));

  sim.restore(fork);
  await create(await openNotes(sim.process("this branch")), "c");
  sim.powerCut("none");
  sim.writeRaw(statePath, foreign);
  for (const count of [1, 2, 3]) {
    const opened = await openNotes(sim.process(`opening ${count}`));
    expect(Object.keys(notesOf(opened)), String(count)).toEqual(["a", "c"]);
    expect(opened.recovery.skipped).toEqual([
      { name: "state.json", reason: "it is of another branch of this log" },
    ]);
    sim.powerCut("none");
  }
});
