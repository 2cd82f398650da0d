/**
 * Promises that no campaign is about: what is shown when, what an opening relies on, clocks, newer files.
 *
 * Method: the simulated disk; each was seen to fail with its bug planted (the comments say which).
 */
import { createHash } from "node:crypto";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { LineBuffer, segmentName, segmentSalt } from "@taskwal/format";
import { UnsupportedFormatError } from "taskwal";
import { expect, test } from "vitest";
import { settle } from "./world/fault-workload.ts";
import { notesOf, openNotes, refusalOf } from "./world/note-model.ts";

// Planted: commit before the append resolved; settle from the last to the first.
test("nothing is shown before it is durable; then calls are told and settle in their order", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  const told: string[] = [];
  store.on("mutation", ({ id, sequence }) => told.push(`${sequence} ${id} told`));
  const release = sim.hang(({ kind, path }) => kind === "sync" && path.includes("/wal/"));
  const calls = ["a", "b", "c"].map((id) => store.notes.mutate(id, "note.created", { text: id }));
  const both = store.transact((tx) => {
    tx.notes.mutate("d", "note.created", { text: "d" });
    tx.notes.mutate("a", "note.extended", { text: "!" });
  });
  for (const call of calls) void call.then(({ sequence }) => told.push(`${sequence} settled`));
  void both.then(() => told.push("transaction settled"));
  await settle();
  expect([notesOf(store), told, store.sequence]).toEqual([{}, [], 1]);
  release();
  await Promise.all([...calls, both]);
  expect(notesOf(store)).toEqual({ a: [2, "a!"], b: [1, "b"], c: [1, "c"], d: [1, "d"] });
  expect(told.filter((one) => one.endsWith("told"))).toEqual([
    "2 a told",
    "3 b told",
    "4 c told",
    "5 d told",
    "6 a told",
  ]);
  expect(told.filter((one) => one.endsWith("settled"))).toEqual([
    "2 settled",
    "3 settled",
    "4 settled",
    "transaction settled",
  ]);
  await store.close();
});

// A new process reads from the page cache what a power cut still takes. Planted: carry nothing over.
test("what an opening found behind the last promise is durable before it resolves", async () => {
  const sim = createSimDisk();
  const first = sim.process();
  const store = await openNotes(first);
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("b", "note.created", { text: "b" }, { durability: "written" });
  first.kill();
  const found = notesOf(await openNotes(sim.process()));
  expect(found).toEqual({ a: [1, "a"], b: [1, "b"] });
  sim.powerCut("none");
  const next = await openNotes(sim.process());
  expect(notesOf(next)).toEqual(found);
  expect(next.recovery.lost).toEqual([]);
  await next.close();
});

// Planted: sort records by their time when they are folded.
test("a clock that steps back or ahead changes neither the order nor the state", async () => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  const times = [Date.UTC(2040, 0, 1), Date.UTC(1999, 0, 1), Date.UTC(2025, 5, 1)];
  await store.notes.mutate("a", "note.created", { text: "" });
  for (const [index, time] of times.entries()) {
    sim.clock.setNow(time);
    await store.notes.mutate("a", "note.extended", { text: String(index) });
  }
  const digest = store.digest();
  const seen: (readonly [number, number])[] = [];
  for await (const { seq, at, type } of store.records())
    if (type === "note.extended") seen.push([seq, at]);
  expect(seen).toEqual(times.map((time, index) => [3 + index, time]));
  sim.powerCut("none");
  const next = await openNotes(sim.process());
  expect(notesOf(next)).toEqual({ a: [4, "012"] });
  expect(next.digest()).toBe(digest);
  await next.close();
});

/** Every file but what an opening adds before it reads: LOCK and its claim. */
const filesOf = (sim: SimDisk): Record<string, string> =>
  Object.fromEntries(
    sim
      .listRaw()
      .filter((path) => !path.endsWith(".claim") && !path.endsWith("LOCK"))
      .map((path) => [path, Buffer.from(sim.readRaw(path)).toString("latin1")]),
  );

const newer: [string, (sim: SimDisk) => void][] = [
  [
    "a segment",
    (sim) => {
      const id = { first: 4, epoch: 9 };
      const [, store = ""] =
        /"store":"(\w+)"/.exec(Buffer.from(sim.readRaw("/state/state.json")).toString()) ?? [];
      const lines = new LineBuffer();
      lines.push(`"format":2,"store":"${store}","first":4,"epoch":9}`, segmentSalt(store, id));
      sim.writeRaw(`/state/${segmentName(id)}`, Uint8Array.from(lines.view()));
    },
  ],
  [
    "a snapshot",
    (sim) => {
      const text = Buffer.from(sim.readRaw("/state/state.json")).toString();
      const body = text
        .slice(0, text.lastIndexOf('"checksum"'))
        .replace('"format":1', '"format":2');
      const checksum = createHash("sha256").update(body).digest("hex");
      sim.writeRaw("/state/state.json", Buffer.from(`${body}"checksum":"sha256:${checksum}"}\n`));
    },
  ],
];

// Planted: take a newer snapshot for a damaged one; do not look at the format of a header.
test.each(newer)("%s of a newer format is refused, and no file is changed", async (_, make) => {
  const sim = createSimDisk();
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.snapshot();
  await store.notes.mutate("a", "note.edited", { text: "b" });
  await store.close();
  make(sim);
  const before = filesOf(sim);
  const error = await refusalOf(openNotes(sim.process()));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
  expect(String(error)).toContain("format 2");
  expect(filesOf(sim)).toEqual(before);
});
