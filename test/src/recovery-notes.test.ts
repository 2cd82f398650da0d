/**
 * What an opening tells beside losses: a backup over state.json, reducers that changed in silence,
 * entities that their mirrors restore, the dump after a failed disk.
 *
 * Method: the simulated disk; one small store; one thing done to its files; opened again.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, type RecoveryReport } from "taskwal";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const dir = "/data";

const modelOf = (suffix: string, version = 1) =>
  defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version,
        schema: z.object({ id: z.string(), text: z.string() }),
        ...(version === 2 ? { migrate: { 1: (old: unknown) => old } } : {}),
        lists: { lines: z.string() },
        create: {
          "note.added": {
            payload: z.object({ text: z.string() }),
            reduce: ({ text }, { id }) => ({ id, text }),
          },
        },
        change: {
          "note.edited": {
            payload: z.object({ text: z.string() }),
            reduce:
              suffix === "!"
                ? (note, { text }) => ({ ...note, text: `${text}!` })
                : (note, { text }) => ({ ...note, text }),
          },
        },
      }),
    },
  });

const model = modelOf("");
const open = (
  disk: SimDisk,
  options: Partial<Parameters<typeof openStore<typeof model>>[0]> = {},
) =>
  openStore<typeof model>({ dir, model, disk: disk.process(), autosaveMs: Infinity, ...options });

/** Lets timers of the store fire, and what they begin come to an end. */
const pass = async (disk: SimDisk, ms: number): Promise<void> => {
  for (let at = 0; at < ms; at += 100) {
    disk.clock.advance(100);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
};

const segmentsOf = (disk: SimDisk): string[] =>
  disk
    .listRaw()
    .filter((path) => path.endsWith(".jsonl"))
    .toSorted();

describe("an opening tells", () => {
  it("that state.json is a backup somebody copied over it, and the log wins", async () => {
    const disk = createSimDisk({ seed: 1 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.snapshot();
    await store.notes.mutate("a", "note.edited", { text: "two" });
    await store.snapshot();
    await store.notes.mutate("a", "note.edited", { text: "three" });
    await store.close();
    const backups = disk
      .listRaw()
      .filter((path) => path.includes("state.backup."))
      .toSorted();
    disk.writeRaw(`${dir}/state.json`, disk.readRaw(backups[0] ?? "") ?? new Uint8Array());
    const again = await open(disk);
    expect(again.notes.get("a")?.text).toBe("three");
    expect(again.recovery.notes.join()).toMatch(
      /state\.json is the backup @2, the log continued to @\d+/,
    );
    await again.close();
  });

  it("that state.json is a copy of the newest backup, and says nothing when a crash left it two names", async () => {
    const disk = createSimDisk({ seed: 1 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.snapshot();
    await store.notes.mutate("a", "note.edited", { text: "two" });
    await store.close();
    const [newest = ""] = disk
      .listRaw()
      .filter((path) => path.includes("state.backup."))
      .toSorted()
      .toReversed();
    const before = disk.snapshotState();
    disk.writeRaw(`${dir}/state.json`, disk.readRaw(newest));
    const again = await open(disk);
    expect(again.notes.get("a")?.text).toBe("two");
    expect(again.recovery.notes).toEqual([
      expect.stringMatching(
        /^state\.json is the backup @2, the log continued to @\d+ and wins: no record of it was lost$/,
      ),
    ]);
    await again.close();
    disk.restore(before);
    const directory = await disk.process().openDirectory(dir);
    await directory.remove("state.json");
    await directory.link(newest.slice(dir.length + 1), "state.json");
    const linked = await open(disk);
    expect(linked.recovery.notes).toEqual([]);
    await linked.close();
  });

  it("that state.json was missing, and from what it rebuilt the state", async () => {
    const disk = createSimDisk({ seed: 1 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.snapshot();
    await store.notes.mutate("a", "note.edited", { text: "two" });
    await store.close();
    const { digest } = await open(disk).then(async (one) => {
      const found = { digest: one.digest() };
      await one.close();
      return found;
    });
    disk.removeRaw(`${dir}/state.json`);
    const again = await open(disk);
    expect(again.digest()).toBe(digest);
    expect(again.recovery.notes).toEqual([
      expect.stringMatching(
        /^state\.json is missing; the state was rebuilt from state\.backup\.\S+ and the log, up to @\d+$/,
      ),
    ]);
    await again.close();
    expect(disk.listRaw()).toContain(`${dir}/state.json`);
  });

  it("that reducers changed under the same versions, and is silent when a version says so", async () => {
    const disk = createSimDisk({ seed: 2 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.close();
    const same = await open(disk);
    expect(same.recovery.modelChanged).toBe(false);
    await same.close();
    const newer = await open(disk, { model: modelOf("!", 2) });
    expect(newer.recovery.modelChanged).toBe(false);
    await newer.close();
    const disk2 = createSimDisk({ seed: 3 });
    const before = await open(disk2);
    await before.close();
    const changed = await open(disk2, { model: modelOf("!") });
    expect(changed.recovery).toMatchObject({ modelChanged: true, clean: true });
    expect(changed.recovery.toText()).toContain("none of its versions did");
    await changed.close();
  });
});

describe("after a loss", () => {
  /** Two notes; the last mutation of "a" rots. Its mirror was written before. */
  const withLoss = async (seed = 4): Promise<SimDisk> => {
    const disk = createSimDisk({ seed });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.notes.mutate("b", "note.added", { text: "other" });
    await store.notes.mutate("a", "note.edited", { text: "two" });
    await store.notes.append("a", "lines", "a line");
    await pass(disk, 2_000);
    await store.notes.mutate("b", "note.edited", { text: "last" });
    await store.close();
    const [segment = ""] = segmentsOf(disk);
    const text = Buffer.from(disk.readRaw(segment) ?? []).toString("latin1");
    disk.flipBit(segment, text.indexOf('"text":"two"') * 8 + 3);
    disk.flipBit(segment, text.indexOf("a line") * 8 + 3);
    disk.removeRaw(`${dir}/state.json`);
    return disk;
  };

  it("an entity whose mirror is ahead of the log is restored from it, for good", async () => {
    const disk = await withLoss();
    const events: RecoveryReport[] = [];
    const store = await open(disk, { on: { "state:corruption": (report) => events.push(report) } });
    expect(store.recovery.lost).toHaveLength(1);
    expect(store.notes.get("a")).toEqual({ id: "a", text: "two" });
    expect(store.notes.list("a", "lines")).toEqual(["a line"]);
    expect(store.notes.version("a")).toBe(3);
    expect(store.damaged).toEqual([]);
    expect(store.recovery.notes.join()).toContain(
      "note a was restored from its file, at version 3",
    );
    expect(events).toHaveLength(1);
    await store.notes.mutate("a", "note.edited", { text: "four" });
    await store.close();
    const again = await open(disk);
    expect(again.recovery.lost).toEqual([]);
    expect(again.notes.get("a")?.text).toBe("four");
    expect(again.notes.version("a")).toBe(4);
    await again.close();
  });

  // The $gap record alone would account for the loss, and the mirror would never be looked at again.
  it("is restored also if the power fails while the opening that found it writes that down", async () => {
    const disk = await withLoss();
    const base = disk.snapshotState();
    const start = disk.callCount;
    await open(disk);
    // Of the batch with $gap, $recovered and $boot.
    const offset = disk.trace.slice(start).findLastIndex(({ kind }) => kind === "sync");
    disk.restore(base);
    disk.crashAt(disk.callCount + offset + 1);
    open(disk).catch(() => {});
    await disk.whenCrashed;
    disk.powerCut("all");
    const [segment = ""] = segmentsOf(disk).slice(-1);
    const bytes = Buffer.from(disk.readRaw(segment));
    expect(bytes.toString()).toMatch(/\$gap[^]*\$recovered[^]*\$boot/);
    const torn = disk.snapshotState();
    const header = bytes.indexOf("\n") + 1;
    for (let end = header; end <= bytes.length; end += 1) {
      disk.restore(torn);
      disk.writeRaw(segment, bytes.subarray(0, end));
      const store = await open(disk);
      const found = [store.notes.get("a")?.text, store.notes.version("a"), store.damaged];
      expect(found, `cut at byte ${end}`).toEqual(["two", 3, []]);
      await store.close();
    }
  });

  it("a mirror that was edited, or is of another store, proves nothing", async () => {
    for (const damage of ["edit", "store"] as const) {
      const disk = await withLoss();
      const mirror = `${dir}/notes/a.json`;
      const text = Buffer.from(disk.readRaw(mirror) ?? []).toString("utf8");
      // Of another store: whole, with a checksum that is right.
      const other = Buffer.from((await withLoss(5)).readRaw(mirror)).toString("utf8");
      const changed = damage === "edit" ? text.replace("two", "2wo") : other;
      expect(changed).not.toBe(text);
      disk.writeRaw(mirror, Buffer.from(changed));
      const store = await open(disk);
      expect(store.notes.get("a")?.text).toBe("one");
      expect(store.recovery.lost).toHaveLength(1);
      await store.close();
    }
  });
});

describe("after a loss that is known", () => {
  const textOf = (count: number): string => `text ${count}`;

  /** Damages the records of these edits of "a", and takes away what else would prove them. */
  const rot = (disk: SimDisk, ...edits: number[]): void => {
    for (const segment of segmentsOf(disk)) {
      const text = Buffer.from(disk.readRaw(segment)).toString("latin1");
      for (const edit of edits) {
        const at = text.indexOf(`"text":"${textOf(edit)}"`);
        if (at >= 0) disk.flipBit(segment, at * 8 + 3);
      }
    }
    for (const path of disk.listRaw()) {
      if (path.startsWith(`${dir}/state.`)) disk.removeRaw(path);
    }
  };

  /** "a" at version 5, its second one lost and told. */
  const withKnownLoss = async (): Promise<{ disk: SimDisk; known: number; segment: string }> => {
    const disk = createSimDisk({ seed: 7 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: textOf(1) });
    const { sequence } = await store.notes.mutate("a", "note.edited", { text: textOf(2) });
    for (const edit of [3, 4, 5]) {
      await store.notes.mutate("a", "note.edited", { text: textOf(edit) });
    }
    await store.close();
    rot(disk, 2);
    const [segment = ""] = segmentsOf(disk);
    const finder = await open(disk);
    expect(finder.recovery).toMatchObject({ lost: [[sequence, sequence]], damaged: [{}] });
    await finder.close();
    return { disk, known: sequence, segment: segment.slice(dir.length + 1) };
  };

  it("another one right behind it, in the same file, is told as the first was", async () => {
    const { disk, known, segment } = await withKnownLoss();
    rot(disk, 3);
    const store = await open(disk);
    expect(store.recovery.lost).toEqual([[known + 1, known + 1]]);
    expect(store.recovery.damaged).toMatchObject([{ file: segment }]);
    await store.close();
    const again = await open(disk);
    expect(again.recovery).toMatchObject({ lost: [], damaged: [] });
    await again.close();
  });

  it("the file of an entity that is marked as damaged proves what it says, and no more", async () => {
    const { disk } = await withKnownLoss();
    const store = await open(disk);
    await store.notes.mutate("a", "note.edited", { text: textOf(6) });
    await store.close();
    rot(disk, 6);
    const again = await open(disk);
    expect(again.recovery.lost).toHaveLength(1);
    expect(again.damaged).toMatchObject([{ entity: "note", id: "a" }]);
    await again.close();
  });
});

describe("a failed disk", () => {
  it("leaves a dump of the durable state in emergencyDir, once", async () => {
    const disk = createSimDisk({ seed: 5 });
    const store = await open(disk, { emergencyDir: "/other" });
    await store.notes.mutate("a", "note.added", { text: "one" });
    disk.fail(({ kind, path }) => kind === "sync" && path.includes(".jsonl"), "EIO");
    await expect(store.notes.mutate("a", "note.edited", { text: "two" })).rejects.toThrow("EIO");
    await pass(disk, 200);
    const dump = JSON.parse(Buffer.from(disk.readRaw("/other/state.json") ?? []).toString()) as {
      notes: unknown;
    };
    expect(dump.notes).toEqual([{ id: "a", text: "one" }]);
    expect(store.notes.get("a")?.text).toBe("one");
    await store.close();
  });
});

describe("a state.json without any backup", () => {
  it("is not all that is left: the log stays, and answers for it when it is damaged", async () => {
    const disk = createSimDisk({ seed: 10 });
    const store = await open(disk, { segmentBytesMax: 4_096, historyBytesMax: 0 });
    await store.notes.mutate("a", "note.added", { text: "one" });
    for (let edit = 0; edit < 20; edit += 1)
      await store.notes.mutate("a", "note.edited", { text: `${edit} ${"x".repeat(500)}` });
    await store.compact();
    await store.close();
    expect(segmentsOf(disk).length).toBeGreaterThan(2);
    for (const path of disk.listRaw()) if (path.includes(".backup.")) disk.removeRaw(path);
    disk.flipBit(`${dir}/state.json`, 1_600);
    const again = await open(disk);
    expect(again.notes.get("a")?.text).toMatch(/^19 /);
    expect(again.recovery.lost).toEqual([]);
    await again.close();
  });
});

describe("a snapshot of another store", () => {
  it.each([1, 5])(
    "is not taken for this one's, wherever it ends (after %i changes)",
    async (changes) => {
      const other = createSimDisk({ seed: 8 });
      const owner = await open(other);
      await owner.notes.mutate("a", "note.added", { text: "of the other" });
      for (let change = 1; change < changes; change += 1)
        await owner.notes.mutate("a", "note.edited", { text: `of the other, ${change}` });
      await owner.close();
      const disk = createSimDisk({ seed: 9 });
      const store = await open(disk);
      await store.notes.mutate("a", "note.added", { text: "of this store" });
      await store.notes.mutate("a", "note.edited", { text: "of this store, edited" });
      await store.close();
      disk.writeRaw(`${dir}/state.json`, other.readRaw(`${dir}/state.json`));
      const again = await open(disk);
      expect(again.notes.get("a")?.text).toBe("of this store, edited");
      const [skipped] = again.recovery.skipped;
      expect(skipped?.name).toBe("state.json");
      expect(skipped?.reason).toMatch(/^it belongs to another store \(/);
      await again.close();
    },
  );
});

describe("a snapshot of another branch", () => {
  it("is not taken for this log's: the state is rebuilt from an older one or from the log", async () => {
    const disk = createSimDisk({ seed: 6 });
    const store = await open(disk);
    await store.notes.mutate("a", "note.added", { text: "one" });
    await store.close();
    const fork = disk.snapshotState();
    // One branch goes on and snapshots; the other goes on from the same bytes, in the same epoch.
    const one = await open(disk);
    await one.notes.mutate("a", "note.edited", { text: "of the other branch" });
    await one.close();
    const foreign = disk.readRaw(`${dir}/state.json`) ?? new Uint8Array();
    disk.restore(fork);
    const two = await open(disk);
    await two.notes.mutate("a", "note.edited", { text: "of this branch" });
    await two.close();
    disk.writeRaw(`${dir}/state.json`, foreign);
    const again = await open(disk);
    expect(again.notes.get("a")?.text).toBe("of this branch");
    expect(again.recovery.skipped).toEqual([
      { name: "state.json", reason: "it is of another branch of this log" },
    ]);
    await again.close();
  });
});
