/** A state directory stays of the size of its state, its backups and the log back to the oldest of these. */
import { createSimDisk } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { openNotes } from "./world/note-model.ts";

const recordBytesMax = 1_300;
const hourMs = 3_600_000;

test("state files stay of a reasonable size: weeks of edits leave state.json as large as it was, ten backups, and the log back to the oldest with the history that was asked for", async () => {
  const sim = createSimDisk();
  const [segmentBytesMax, historyBytesMax] = [64 * 1024, 128 * 1024];
  const store = await openNotes(sim.process(), { segmentBytesMax, historyBytesMax });
  const text = "x".repeat(1_000);
  for (let id = 0; id < 10; id += 1) await store.notes.mutate(`${id}`, "note.created", { text });
  await store.snapshot();
  const stateBytes = sim.readRaw("/state/state.json").length;
  let writtenBytes = 0;
  for (let round = 0; round < 150; round += 1) {
    for (let count = 0; count < 40; count += 1) {
      void store.notes.mutate(`${count % 10}`, "note.edited", { text });
      writtenBytes += text.length;
    }
    await store.snapshot();
    sim.clock.advance(6 * hourMs);
    const { directory, backups } = await store.health();
    // The versions of ten notes get more digits.
    const savedBytesMax = stateBytes + 200;
    expect(directory.usage?.snapshot.bytes).toBeLessThan(savedBytesMax);
    expect(backups.count).toBeLessThanOrEqual(10);
    expect(directory.usage?.backups.bytes).toBeLessThan(10 * savedBytesMax);
    const reachesBack = store.sequence - (backups.files.at(-1)?.sequence ?? 0);
    expect(directory.usage?.log.bytes).toBeLessThan(
      reachesBack * recordBytesMax + historyBytesMax + 2 * segmentBytesMax,
    );
  }
  const { usage } = (await store.health()).directory;
  expect(writtenBytes).toBeGreaterThan(4_000_000);
  expect(usage?.log.bytes).toBeLessThan(writtenBytes / 5);
  await store.close();
});
