/**
 * What a program does not know, when the disk fails it: the power fails before every call of the older
 * program's life, records are lost, files stand beside the log. The newer program comes to what it would have
 * come to without the older one.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { planMigration } from "taskwal";
import { describe, expect, it } from "vitest";
import { resealSnapshot } from "./fuzz/reseal.ts";
import { pass, recordCrashPoints } from "./crash/recording.ts";
import {
  countingPartModel,
  notesIn,
  openPart,
  openWhole,
  partModel,
  tagsIn,
} from "./world/partial-model.ts";

/** Records by the newer program, three of them a transaction, behind which it goes on; killed, and all of it durable. */
const leave = async (sim: SimDisk, mirrors = false, goesOn = true): Promise<void> => {
  const process = sim.process("newer");
  const store = await openWhole(process, { mirrors });
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("b", "note.created", { text: "b" });
  await store.notes.mutate("b", "note.archived", {});
  await store.transact((tx) => {
    tx.notes.mutate("a", "note.renamed", { text: "tx" });
    tx.notes.mutate("b", "note.renamed", { text: "tx" });
    tx.tags.mutate("t", "tag.created", { text: "tx" });
  });
  if (goesOn) {
    await store.notes.mutate("b", "note.renamed", { text: "last" });
    await store.tags.mutate("t", "tag.renamed", { text: "last" });
    await store.notes.mutate("a", "note.renamed", { text: "last" });
  }
  await pass(sim, 5_000);
  process.kill();
};

const whole = { a: [3, "a>tx>last"], b: [4, "[b]>tx>last"] };
const tags = { t: [2, "tx>last"] };

const textOf = (sim: SimDisk, path: string): string => Buffer.from(sim.readRaw(path)).toString();

describe("what a program does not know", () => {
  it("is all there for one that does, before whichever call of the older program's life the power fails", async () => {
    const sim = createSimDisk();
    await leave(sim);
    const recorder = recordCrashPoints(sim, "older", () => 0);
    const older = await openPart(sim.process("older"), { segmentBytesMax: 900 });
    for (const text of ["1", "2", "3"]) {
      await older.notes.mutate("c", text === "1" ? "note.created" : "note.renamed", { text });
      await older.snapshot();
    }
    await older.close();
    recorder.stop();
    expect(recorder.points.length).toBeGreaterThan(40);
    for (const { state } of recorder.points) {
      for (const cut of ["all", "none", "random"] as const) {
        sim.restore(state);
        sim.powerCut(cut);
        const store = await openWhole(sim.process("newer"));
        const { c, ...others } = notesIn(store);
        expect(others).toEqual(whole);
        expect(tagsIn(store)).toEqual(tags);
        expect(["undefined", "1", "1>2", "1>2>3"]).toContain(String(c?.[1]));
        expect([store.recovery.lost, store.held]).toEqual([[], []]);
        await store.close();
      }
    }
  }, 120_000);

  it.each([
    ["with records behind it", true, 9],
    ["with none behind it", false, 6],
  ])(
    "is as damaged as ever where a record of it is lost, also if the older program found the loss, %s",
    async (_, goesOn, count) => {
      const made = createSimDisk();
      await leave(made, false, goesOn);
      const path = made.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
      const lines = textOf(made, path).split("\n");
      const records = lines.flatMap((line, index) => (line.includes('"id":"') ? [index] : []));
      expect(records).toHaveLength(count);
      const seen = async (sim: SimDisk): Promise<unknown> => {
        const store = await openWhole(sim.process("newer"));
        const shown = [notesIn(store), tagsIn(store), store.damaged];
        await store.close();
        return shown;
      };
      for (const lost of records) {
        const harmed = lines.map((line, index) =>
          index === lost ? line.replace("crc", "Crc") : line,
        );
        made.writeRaw(path, Buffer.from(harmed.join("\n")));
        const harm = made.snapshotState();
        const direct = await seen(made);
        for (const isSaved of [false, true]) {
          made.restore(harm);
          const process = made.process("older");
          const older = await openPart(process);
          expect(older.recovery.lost.length).toBeGreaterThan(0);
          if (isSaved) await older.close();
          else process.kill();
          const again = await openPart(made.process("older"));
          expect(again.recovery.lost).toEqual([]);
          await again.close();
          expect(await seen(made)).toEqual(direct);
        }
        made.restore(harm);
      }
    },
  );

  it.each([
    ["a loss that the newer program found", false],
    ["its acceptance", true],
  ])("waits with what the engine says of it: %s", async (_, isAccepted) => {
    const sim = createSimDisk();
    await leave(sim);
    const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
    const lines = textOf(sim, path).split("\n");
    // Behind a record of "b" that the older program does not know.
    const rotten = lines.findIndex((line) => line.includes('"tx":[2,3]'));
    lines[rotten] = "rotten";
    sim.writeRaw(path, Buffer.from(lines.join("\n")));
    const finding = sim.process("newer");
    const newer = await openWhole(finding);
    expect(newer.damaged.map(({ id }) => id)).toEqual(["a", "b", "t"]);
    if (isAccepted) await newer.accept("notes", "b");
    await newer.notes.mutate("b", "note.renamed", { text: "on" });
    finding.kill();
    const left = sim.snapshotState();
    const seen = async (): Promise<unknown[]> => {
      const store = await openWhole(sim.process("newer"));
      const shown = [notesIn(store), tagsIn(store), store.damaged, store.digest()];
      await store.close();
      return shown;
    };
    const direct = await seen();
    const damaged = ["a", ...(isAccepted ? [] : ["b"]), "t"].map((id) =>
      expect.objectContaining({ id }),
    );
    expect(direct).toEqual([expect.anything(), expect.anything(), damaged, expect.any(String)]);
    for (const isSaved of [false, true]) {
      sim.restore(left);
      const process = sim.process("older");
      const older = await openPart(process);
      if (isSaved) await older.close();
      else process.kill();
      expect(await seen()).toEqual(direct);
    }
  });

  it("is restored from its file where that is ahead, as a record that waits like the others", async () => {
    const sim = createSimDisk();
    await leave(sim, true);
    expect(textOf(sim, "/state/notes/b.json")).toContain("[b]>tx>last");
    const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
    const harmed = textOf(sim, path).split("\n");
    const lost = harmed.findIndex((line) => line.includes('"text":"last"') && line.includes('"b"'));
    harmed[lost] = "rotten";
    sim.writeRaw(path, Buffer.from(harmed.join("\n")));
    const older = await openPart(sim.process("older"), { mirrors: true });
    expect(older.recovery.lost).toHaveLength(1);
    expect(notesIn(older)["b"]).toEqual([1, "b"]);
    await older.close();
    const newer = await openWhole(sim.process("newer"));
    expect(notesIn(newer)["b"]).toEqual([4, "[b]>tx>last"]);
    expect(newer.damaged).toEqual([]);
    await newer.close();
  });

  it("is not restored from a file that is behind what waits", async () => {
    const sim = createSimDisk();
    await leave(sim, true, false);
    const process = sim.process("newer");
    const store = await openWhole(process);
    await store.notes.mutate("b", "note.renamed", { text: "last" });
    for (const text of ["lost", "last"]) await store.notes.mutate("a", "note.renamed", { text });
    await pass(sim, 5_000);
    process.kill();
    const path = sim.listRaw().findLast((name) => name.endsWith(".jsonl")) ?? "";
    sim.writeRaw(path, Buffer.from(textOf(sim, path).replace(/[^\n]*"lost"[^\n]*/, "rotten")));
    const older = await openPart(sim.process("older"), { mirrors: true });
    expect(older.damaged.map(({ id }) => id)).toEqual(["a"]);
    await older.close();
    const newer = await openWhole(sim.process("newer"));
    expect(notesIn(newer)["b"]).toEqual([4, "[b]>tx>last"]);
    await newer.close();
  });

  it("keeps the file that the newer program wrote; one that is missing is written as far as it is known, and says so", async () => {
    const sim = createSimDisk();
    await leave(sim, true);
    const file = "/state/notes/b.json";
    const written = textOf(sim, file);
    const older = await openPart(sim.process("older"), { mirrors: true });
    await pass(sim, 5_000);
    await older.close();
    expect(textOf(sim, file)).toBe(written);
    sim.removeRaw(file);
    for (const path of sim.listRaw()) if (/\/state\.[^/]*json$/.test(path)) sim.removeRaw(path);
    const again = await openPart(sim.process("older"), { mirrors: true });
    await pass(sim, 5_000);
    await again.close();
    const shown = JSON.parse(textOf(sim, file)) as { text: string; taskwal: object };
    expect(shown).toMatchObject({ text: "b", taskwal: { version: 1, held: "note.archived" } });
    const newer = await openWhole(sim.process("newer"), { mirrors: true });
    await newer.close();
    expect(textOf(sim, file)).toContain("[b]>tx>last");
    expect(textOf(sim, file)).not.toContain("held");
  });

  it("keeps its versions, what was deleted of it and what it lost in the snapshots of a program that does not know it", async () => {
    const sim = createSimDisk();
    const first = sim.process("newer");
    const store = await openWhole(first);
    await store.notes.mutate("a", "note.created", { text: "a" });
    for (const id of ["t", "gone", "hurt"])
      await store.tags.mutate(id, "tag.created", { text: id });
    await store.tags.mutate("gone", "tag.deleted", {});
    await store.tags.mutate("hurt", "tag.renamed", { text: "lost" });
    await store.tags.mutate("hurt", "tag.renamed", { text: "last" });
    await pass(sim, 5_000);
    first.kill();
    const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
    sim.writeRaw(path, Buffer.from(textOf(sim, path).replace(/[^\n]*"lost"[^\n]*/, "rotten")));
    const finding = await openWhole(sim.process("newer"));
    const known = [tagsIn(finding), finding.damaged, finding.digest()];
    expect(finding.damaged.map(({ id }) => id)).toEqual(["hurt"]);
    await finding.close();
    const engineOf = (): object => {
      const { engine } = JSON.parse(textOf(sim, "/state/state.json")) as { engine: object };
      return { ...engine, model: undefined };
    };
    const written = engineOf();
    expect(written).toMatchObject({ deleted: { tag: { gone: 2 } }, damaged: [{ id: "hurt" }] });
    for (let life = 0; life < 2; life += 1) {
      const older = await openPart(sim.process("older"));
      await older.snapshot();
      await older.close();
      expect(engineOf()).toEqual(written);
    }
    const newer = await openWhole(sim.process("newer"));
    expect([tagsIn(newer), newer.damaged, newer.digest()]).toEqual(known);
    expect(newer.recovery.skipped).toEqual([]);
    await newer.close();
  });

  it("stands alone under its name in state.json, also where the older program derives a key of that name", async () => {
    const sim = createSimDisk();
    const store = await openWhole(sim.process("newer"));
    await store.notes.mutate("a", "note.created", { text: "a" });
    await store.tags.mutate("t", "tag.created", { text: "t" });
    await store.close();
    const older = await openPart(sim.process("older"), { model: countingPartModel });
    await older.notes.mutate("a", "note.renamed", { text: "b" });
    await older.snapshot();
    await older.close();
    const text = textOf(sim, "/state/state.json");
    expect(text.match(/"tags":/g)).toHaveLength(1);
    expect(JSON.parse(text)).toMatchObject({ tags: [{ id: "t" }], count: 1 });
    const newer = await openWhole(sim.process("newer"));
    expect(newer.recovery.skipped).toEqual([]);
    expect([notesIn(newer), tagsIn(newer)]).toEqual([{ a: [2, "a>b"] }, { t: [1, "t"] }]);
    await newer.close();
  });

  it("is listed by a dry run, which counts it as no failure", async () => {
    const sim = createSimDisk();
    await leave(sim);
    const plan = await planMigration({ dir: "/state", model: partModel, disk: sim.process() });
    expect([plan.opening, plan.failures, plan.differences]).toEqual(["open", [], { count: 0 }]);
    expect(plan.held).toEqual([
      { type: "note.archived", ids: 1, records: 3, sequence: 4, id: "b" },
      { type: "tag.created", ids: 1, records: 2, sequence: 7, id: "t" },
    ]);
  });

  it("ends in another snapshot than the newest if what stands there for it is not what is written", async () => {
    const sim = createSimDisk();
    await leave(sim);
    const older = await openPart(sim.process("older"));
    await older.close();
    const harmed = textOf(sim, "/state/state.json").replace('"type":"note.archived"', '"type":7');
    sim.writeRaw("/state/state.json", resealSnapshot(Buffer.from(harmed)));
    const newer = await openWhole(sim.process("newer"));
    expect(newer.recovery.skipped).toEqual([
      { name: "state.json", reason: 'its "held" are not what the engine writes' },
    ]);
    expect(notesIn(newer)).toEqual(whole);
    await newer.close();
  });
});
