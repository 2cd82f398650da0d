/**
 * A salvage says what is lost before it writes, and what it writes says it ever after.
 *
 * Method: stores of notes on the simulated disk, damaged by hand; dumped to a real one for the offline answers. That it
 * keeps exactly what is left is in salvage-random.test.ts, that it is absent or complete in new-store-crash.test.ts.
 */
import type { SimDisk } from "@taskwal/disk/sim";
import { DiskFailedError, planSalvage, salvage, type SalvagePlan } from "taskwal";
import { open as openOffline } from "taskwal/offline";
import { describe, expect, test } from "vitest";
import { dumpDirectory } from "./world/dump-disk.ts";
import { noteModel, notesOf, openNotes, refusalOf } from "./world/note-model.ts";
import { linesOf, randomNotes, recordsOf, spoil, type PlacedLine } from "./world/note-lines.ts";
import { scratchDirectories, simTreeOf } from "./world/scratch.ts";

const dir = "/state";
const planOf = (sim: SimDisk): Promise<SalvagePlan> =>
  planSalvage({ dir, model: noteModel, disk: sim.process() });
const run = (sim: SimDisk, to = "/new"): Promise<SalvagePlan> =>
  salvage({ dir, to, model: noteModel, disk: sim.process() });

const removeSnapshots = (sim: SimDisk): void => {
  for (const path of sim.listRaw()) if (path.includes("/state.")) sim.removeRaw(path);
};

const lineOf = (sim: SimDisk, type: string, at = -1): PlacedLine & { readonly seq: number } => {
  const line = linesOf(sim)
    .filter(({ record }) => record?.type === type)
    .at(at);
  if (!line?.record) throw new Error(`there is a ${type}`);
  return { ...line, seq: line.record.seq };
};

describe("a salvage", () => {
  const scratch = scratchDirectories();

  test("plans what is kept and lost by sequence and by entity, and does just that", async () => {
    const sim = await randomNotes(3);
    removeSnapshots(sim);
    const hit = lineOf(sim, "note.extended", 0);
    spoil(sim, hit);
    const plan = await planOf(sim);
    const last = recordsOf(sim).at(-1)?.seq;
    expect(plan).toMatchObject({
      base: undefined,
      first: 1,
      last,
      records: Number(last) - 1,
      lost: [{ first: hit.seq, last: hit.seq, recorded: false, healedAt: undefined }],
      damaged: [{ file: hit.path.slice(dir.length + 1) }],
      notReplayed: undefined,
    });
    const [notes] = plan.entities;
    const { id, n } = hit.record ?? {};
    expect(notes?.damaged).toEqual([{ entity: "note", id, lost: [[n, n]], frozen: false }]);
    expect(await run(sim)).toEqual(plan);
    const store = await openNotes(sim.process(), { dir: "/new" });
    expect(Object.keys(notesOf(store))).toHaveLength((notes?.whole ?? 0) + 1);
    expect(store.damaged.map((one) => one.id)).toEqual([id]);
    await store.close();
  });

  test("writes a record for each lost one, the gap, and where it is from; all its lines verify", async () => {
    const sim = await randomNotes(3);
    removeSnapshots(sim);
    const hit = lineOf(sim, "note.extended", 0);
    spoil(sim, hit);
    const { store, last } = await run(sim);
    const made = recordsOf(sim, "/new");
    expect(made.map(({ seq }) => seq)).toEqual(Array.from({ length: last + 2 }, (_, at) => at + 1));
    const [gap, mark] = made.slice(-2);
    expect(made[hit.seq - 1]).toMatchObject({
      type: "$lost",
      data: { lost: [[hit.seq, hit.seq]] },
    });
    expect(gap).toMatchObject({ type: "$gap", data: { lost: [[hit.seq, hit.seq]], bytes: [] } });
    expect(mark).toMatchObject({ type: "$mark", data: { salvaged: { store, sequence: last } } });
    const { report } = (gap?.data ?? {}) as { readonly report?: string };
    const told = JSON.parse(Buffer.from(sim.readRaw(`/new/recovery/${report}.json`)).toString());
    expect(told).toMatchObject({ salvaged: { store, last } });
    const [path = ""] = sim
      .listRaw()
      .filter((one) => one.startsWith("/new/wal/") && one.endsWith(".jsonl"));
    const [header = ""] = Buffer.from(sim.readRaw(path)).toString().split("\n");
    expect(JSON.parse(header)).toMatchObject({ parent: { store, last } });
  });

  test("passes verify, and its answers say that they crossed the gap from there on", async () => {
    const sim = await randomNotes(3);
    removeSnapshots(sim);
    const hit = lineOf(sim, "note.extended", 0);
    const { seq } = hit;
    spoil(sim, hit);
    await run(sim);
    const offline = await openOffline(dumpDirectory(sim, "/new", scratch()), {
      model: noteModel,
      cacheDir: false,
    });
    const { exitCode, findings } = await offline.verify();
    expect([exitCode, findings.map(({ level }) => level)]).toEqual([0, ["warning"]]);
    expect((await offline.info()).gaps).toMatchObject([{ from: seq, to: seq, recorded: true }]);
    const trustAt = async (at: number) => (await offline.stateAt(at)).provenance.trust;
    expect(await trustAt(seq - 1)).toBe("verified");
    expect(await trustAt(seq)).toBe("crossed-gap");
    expect(await trustAt(await offline.point("@last"))).toBe("crossed-gap");
    await offline.close();
  });

  test("is whole where a snapshot tells what the log lost, and verified from there on", async () => {
    const sim = await randomNotes(3, { snapshots: true });
    const healthy = await openNotes(sim.process());
    const expected = notesOf(healthy);
    await healthy.close();
    const hit = lineOf(sim, "note.extended", 0);
    spoil(sim, hit);
    const plan = await run(sim);
    const [hole] = plan.lost;
    expect(plan.lost).toHaveLength(1);
    expect(hole?.healedAt).toBeGreaterThanOrEqual(hit.seq);
    const store = await openNotes(sim.process(), { dir: "/new" });
    expect([notesOf(store), store.damaged]).toEqual([expected, []]);
    await store.close();
    const into = dumpDirectory(sim, "/new", scratch());
    const offline = await openOffline(into, { model: noteModel, cacheDir: false });
    const trustAt = async (at: number) => (await offline.stateAt(at)).provenance.trust;
    expect(await trustAt(hit.seq)).toBe("crossed-gap");
    expect(await trustAt(hole?.healedAt ?? 0)).toBe("verified");
    expect((await offline.verify()).exitCode).toBe(0);
    await offline.close();
  });

  test("keeps what came later where the beginning is gone and nothing is left to stand on", async () => {
    const sim = await randomNotes(3);
    removeSnapshots(sim);
    const [first = ""] = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
    sim.removeRaw(first);
    const start = sim.snapshotState();
    expect(await refusalOf(openNotes(sim.process()))).toBeInstanceOf(Error);
    sim.restore(start);
    const plan = await run(sim);
    const [hole] = plan.lost;
    expect(hole).toMatchObject({ first: 1, last: plan.first - 1 });
    const created = recordsOf(sim, dir).filter(({ type }) => type === "note.created");
    expect(created.length).toBeGreaterThan(0);
    const store = await openNotes(sim.process(), { dir: "/new" });
    const shown = notesOf(store);
    const [notes] = plan.entities;
    expect(Object.keys(shown).length).toBe(Number(notes?.whole) + Number(notes?.damaged.length));
    expect(store.damaged.length).toBe(Number(notes?.damaged.length) + Number(notes?.gone.length));
    expect(notes?.gone.length).toBeGreaterThan(0);
    expect(store.recovery.lost).toEqual([]);
    await store.close();
    const into = dumpDirectory(sim, "/new", scratch());
    const offline = await openOffline(into, { model: noteModel, cacheDir: false });
    const last = await offline.point("@last");
    expect((await offline.stateAt(last)).provenance.trust).toBe("crossed-gap");
    expect((await offline.verify()).exitCode).toBe(0);
    await offline.close();
  });

  test("of a salvaged store keeps what that one says is lost", async () => {
    const sim = await randomNotes(3);
    removeSnapshots(sim);
    spoil(sim, lineOf(sim, "note.extended", 0));
    const { lost } = await run(sim);
    const again = await salvage({
      dir: "/new",
      to: "/again",
      model: noteModel,
      disk: sim.process(),
    });
    expect(again.lost).toEqual(lost.map((hole) => ({ ...hole, recorded: true })));
    const [one, other] = await Promise.all(
      ["/new", "/again"].map((each) => openNotes(sim.process(), { dir: each })),
    );
    expect(one && [notesOf(one), one.damaged]).toEqual(other && [notesOf(other), other.damaged]);
  });

  test("of a whole store loses nothing; beside its writer it keeps what was durable", async () => {
    const sim = await randomNotes(3);
    const writer = await openNotes(sim.process());
    await writer.notes.mutate("new", "note.created", { text: "just now" });
    const plan = await run(sim);
    expect([plan.lost, plan.damaged]).toEqual([[], []]);
    const store = await openNotes(sim.process(), { dir: "/new" });
    expect(notesOf(store)).toEqual(notesOf(writer));
    await store.close();
    await writer.notes.append("new", "lines", { text: "the writer goes on" });
    await writer.close();
  });

  test("is refused where files are and within the store that it is made of", async () => {
    const sim = await randomNotes(3);
    sim.writeRaw("/taken/file", Buffer.from("somebody's"));
    const before = simTreeOf(sim);
    for (const to of ["/taken", "/taken/file", dir, `${dir}/new`])
      expect(await refusalOf(run(sim, to)), to).toBeInstanceOf(DiskFailedError);
    expect(simTreeOf(sim)).toEqual(before);
  });
});
