import { describe, expect, it } from "vitest";

import { folderOf, readWhole } from "./index.ts";
import type { Directory } from "./index.ts";
import { createSimDisk } from "./sim.ts";
import type { PowerCutPolicy, SimDisk } from "./sim.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const textAt = (sim: SimDisk, path: string): string => textOf(sim.readRaw(path));

/** A sim with /s/note, durable, holding `text`, and its directory in a running process. */
const withNote = async (text: string, options = {}): Promise<[SimDisk, Directory]> => {
  const sim = createSimDisk({ seed: 5, ...options });
  const directory = await sim.process().createDirectory("/s");
  const file = await directory.create("note");
  await file.write(bytesOf(text), 0);
  await file.sync();
  await directory.syncFolder(".");
  await file.close();
  return [sim, directory];
};

const put = async (directory: Directory, name: string, text: string): Promise<void> => {
  const file = await directory.create(name);
  await file.write(bytesOf(text), 0);
  await file.sync();
  await file.close();
};

/** Every text that /s/note can hold after a power cut of this policy. */
const outcomes = (sim: SimDisk, policy: PowerCutPolicy, tries = 200): Set<string> => {
  const state = sim.snapshotState();
  const found = new Set<string>();
  for (let seed = 1; seed <= tries; seed += 1) {
    sim.restore(state);
    sim.powerCut({ ...policy, seed });
    found.add(textAt(sim, "/s/note"));
  }
  sim.restore(state);
  return found;
};

/** Keeps only the write at byte 3. */
const onlyAtThree = (sectorBytes: number): PowerCutPolicy => ({
  sectorBytes,
  writes: ({ startBytes }) => (startBytes === 3 ? "keep" : "drop"),
});

describe("bytes and power cuts", () => {
  it("loses unsynced writes, keeps them, or decides one by one, as told", async () => {
    const [sim, directory] = await withNote("aaaa");
    const file = await directory.open("note", "write");
    await file.write(bytesOf("B"), 0);
    await file.write(bytesOf("C"), 3);
    const state = sim.snapshotState();
    const after = (policy: PowerCutPolicy | "none" | "all"): string => {
      sim.restore(state);
      sim.powerCut(policy);
      return textAt(sim, "/s/note");
    };
    expect(after("none")).toBe("aaaa");
    expect(after("all")).toBe("BaaC");
    expect(after(onlyAtThree(1))).toBe("aaaC");
    // One sector is written as a whole: it brings the earlier write along.
    expect(after(onlyAtThree(512))).toBe("BaaC");
  });

  it("tears a write at any byte, and never touches bytes outside it", async () => {
    const [sim, directory] = await withNote("aaaaaaaa");
    await (await directory.open("note", "write")).write(bytesOf("BBBB"), 2);
    const found = outcomes(sim, { writes: () => "tear", sectorBytes: 1 });
    expect(found).toContain("aaBBaaaa");
    expect(found).toContain("aaaaaBaa");
    expect(found).toContain("aaaBBaaa");
    for (const text of found) expect(text).toMatch(/^aa[aB]{4}aa$/);
  });

  it("tears a write at whole sectors only, when sectors are atomic", async () => {
    const [sim, directory] = await withNote("a".repeat(1536));
    await (await directory.open("note", "write")).write(bytesOf("B".repeat(1536)), 0);
    const found = outcomes(sim, { writes: () => "tear", sectorBytes: 512 });
    expect(found.size).toBe(8);
    for (const text of found) expect(text).toMatch(/^(a{512}|B{512}){3}$/);
  });

  it("leaves an unsynced append with the old size, the new one, or any between", async () => {
    const [sim, directory] = await withNote("aa");
    await (await directory.open("note", "write")).write(bytesOf("BB"), 2);
    const size = async (policy: PowerCutPolicy): Promise<string[]> =>
      [...outcomes(sim, policy)].sort();
    expect(await size({ writes: "all", size: "old" })).toEqual(["aa"]);
    expect(await size({ writes: "none", size: "new" })).toEqual(["aa\0\0"]);
    expect(await size({ writes: "all", size: "between" })).toEqual(["aa", "aaB", "aaBB"]);
    expect(
      (await size({ writes: "none", size: "new", newBytes: "garbage" })).length,
    ).toBeGreaterThan(9);
  });

  it("can show bytes of a deleted file in a range that was never written", async () => {
    const [sim, directory] = await withNote("aa");
    await put(directory, "secret", "12345678");
    await directory.remove("secret");
    await (await directory.open("note", "write")).write(bytesOf("BBBB"), 2);
    expect([...outcomes(sim, { size: "new", newBytes: "stale" })]).toEqual(["aa1234"]);
  });

  it("brings truncated bytes back when the truncate was not synced", async () => {
    const [sim, directory] = await withNote("aaaa");
    const file = await directory.open("note", "write");
    await file.truncate(1);
    expect([...outcomes(sim, { writes: "none" })]).toEqual(["aaaa"]);
    expect([...outcomes(sim, { writes: "all" })]).toEqual(["a"]);
  });

  it("covers by a sync only what was written when the sync began", async () => {
    const [sim, directory] = await withNote("aa");
    const file = await directory.open("note", "write");
    await Promise.all([file.sync(), file.write(bytesOf("BB"), 2)]);
    sim.powerCut("none");
    expect(textAt(sim, "/s/note")).toBe("aa");
  });

  it("makes durable what is written through, and nothing that was written before it", async () => {
    const [sim, directory] = await withNote("abcdef");
    const file = await directory.open("note", "write");
    const through = await directory.open("note", "write-through");
    await file.write(bytesOf("BCD"), 1);
    await through.write(bytesOf("XYZ"), 6);
    await file.write(bytesOf("W"), 9);
    through.writeSync(bytesOf("V"), 8);
    expect(outcomes(sim, { writes: "none" })).toEqual(new Set(["abcdefXYV"]));
    expect(outcomes(sim, { writes: "all" })).toEqual(new Set(["aBCDefXYVW"]));
  });

  it("never takes back what was written through, whatever older writes do", async () => {
    const [sim, directory] = await withNote("abcdef");
    const file = await directory.open("note", "write");
    const through = await directory.open("note", "write-through");
    await file.write(bytesOf("12345"), 1);
    await through.write(bytesOf("XY"), 3);
    const every = { writes: "random", sectorBytes: 1 } as const;
    for (const text of outcomes(sim, every)) expect(text).toMatch(/^a[b1][c2]XY[f5]$/);
  });

  it("carries a truncate before it along: they share the size", async () => {
    const [sim, directory] = await withNote("abcdef");
    const file = await directory.open("note", "write");
    const through = await directory.open("note", "write-through");
    await file.write(bytesOf("1"), 1);
    await file.truncate(2);
    await through.write(bytesOf("Z"), 2);
    for (const writes of ["none", "all", "random"] as const) {
      expect(outcomes(sim, { writes })).toEqual(new Set(["a1Z"]));
    }
  });

  it("may lose what is written through until the call returns, and where its sync fails or lies", async () => {
    for (const effect of ["fails", "lies", "power"] as const) {
      const [sim, directory] = await withNote("abc");
      const file = await directory.open("note", "write");
      const through = await directory.open("note", "write-through");
      if (effect === "power") sim.crashAt(sim.callCount + 2);
      else if (effect === "lies") sim.lose(({ kind }) => kind === "sync");
      else sim.fail(({ kind }) => kind === "sync", "EIO");
      const outcome = await Promise.race([
        through.write(bytesOf("d"), 3).then(
          () => "written",
          () => "failed",
        ),
        sim.whenCrashed.then(() => "crashed"),
      ]);
      expect(outcome).toBe({ fails: "failed", lies: "written", power: "crashed" }[effect]);
      if (effect === "fails") {
        await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
      }
      expect(outcomes(sim, { writes: "none" })).toEqual(new Set(["abc"]));
    }
  });

  it("lists what is unsynced, so that a test can try every subset", async () => {
    const [sim, directory] = await withNote("....");
    const file = await directory.open("note", "write");
    for (const [at, letter] of ["x", "y", "z"].entries()) await file.write(bytesOf(letter), at);
    await directory.link("note", "other");
    expect(sim.unsynced()).toMatchObject([
      { index: 0, kind: "write", path: "/s/note", startBytes: 0, endBytes: 1 },
      { index: 1, kind: "write" },
      { index: 2, kind: "write" },
      { index: 3, kind: "link", path: "/s/note", to: "/s/other" },
    ]);
    const state = sim.snapshotState();
    const found = new Set<string>();
    for (let mask = 0; mask < 16; mask += 1) {
      sim.restore(state);
      const isKept = (index: number): boolean => (mask & (1 << index)) !== 0;
      sim.powerCut({
        writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
        sectorBytes: 1,
        names: ({ index }) => isKept(index),
      });
      found.add(`${textAt(sim, "/s/note")} ${sim.listRaw().join(" ")}`);
    }
    expect(found.size).toBe(16);
  });
});

describe("names and power cuts", () => {
  it("loses a synced file whose folder was not synced, and keeps it otherwise", async () => {
    const [sim, directory] = await withNote("a");
    await put(directory, "new", "synced bytes");
    const state = sim.snapshotState();
    sim.powerCut("none");
    expect(sim.listRaw()).toEqual(["/s/note"]);
    sim.restore(state);
    sim.powerCut({ names: "all" });
    expect(textAt(sim, "/s/new")).toBe("synced bytes");
  });

  it("keeps a name whose bytes were not synced as an empty file", async () => {
    const [sim, directory] = await withNote("a");
    const file = await directory.create("new");
    await file.write(bytesOf("bytes"), 0);
    await directory.syncFolder(".");
    sim.powerCut("none");
    expect(textAt(sim, "/s/new")).toBe("");
  });

  it("leaves an unsynced rename with the old file or the new one under the name", async () => {
    const [sim, directory] = await withNote("old");
    await put(directory, "note.tmp", "new");
    await directory.syncFolder(".");
    await directory.rename("note.tmp", "note");
    const state = sim.snapshotState();
    sim.powerCut({ names: "none" });
    expect([textAt(sim, "/s/note"), textAt(sim, "/s/note.tmp")]).toEqual(["old", "new"]);
    sim.restore(state);
    sim.powerCut({ names: "all" });
    expect(textAt(sim, "/s/note")).toBe("new");
    expect(sim.listRaw()).toEqual(["/s/note"]);
  });

  it("shows a new name with unsynced bytes after a rename that survived without them", async () => {
    const [sim, directory] = await withNote("old");
    const file = await directory.create("note.tmp");
    await file.write(bytesOf("new"), 0);
    await directory.rename("note.tmp", "note");
    sim.powerCut({ names: "all", writes: "none" });
    expect(textAt(sim, "/s/note")).toBe("");
  });

  it("keeps a prefix of the operations when journaled, and any subset at the least", async () => {
    const [sim, directory] = await withNote("a");
    for (const name of ["x", "y", "z"]) await (await directory.create(name)).close();
    const state = sim.snapshotState();
    const survivors = (names: "prefix" | "subset"): string[] => {
      const found = new Set<string>();
      for (let seed = 1; seed <= 100; seed += 1) {
        sim.restore(state);
        sim.powerCut({ names, seed });
        found.add(sim.listRaw().join(" ").replaceAll("/s/", ""));
      }
      return [...found].sort();
    };
    expect(survivors("prefix")).toEqual(["note", "note x", "note x y", "note x y z"]);
    expect(survivors("subset").length).toBe(8);
  });

  it("syncs the names of one folder and not of its neighbour", async () => {
    const [sim, directory] = await withNote("a");
    await directory.createFolder("wal");
    await directory.syncFolder(".");
    await put(directory, "wal/1", "in wal");
    await put(directory, "top", "at the top");
    await directory.syncFolder(folderOf("wal/1"));
    sim.powerCut("none");
    expect(sim.listRaw()).toEqual(["/s/note", "/s/wal/1"]);
  });

  it("loses a folder with everything in it when its own name was not synced", async () => {
    const [sim, directory] = await withNote("a");
    await directory.createFolder("wal");
    await put(directory, "wal/1", "in wal");
    await directory.syncFolder("wal");
    sim.powerCut("none");
    expect(sim.listRaw()).toEqual(["/s/note"]);
  });

  it("keeps a name removed once the removal was synced, whatever was pending before", async () => {
    const [sim, directory] = await withNote("a");
    await directory.createFolder("wal");
    await directory.syncFolder(".");
    await put(directory, "x", "moved");
    await directory.rename("x", "wal/x");
    await directory.syncFolder("wal");
    sim.powerCut({ names: "all" });
    expect(sim.listRaw()).toEqual(["/s/note", "/s/wal/x"]);
  });

  it("brings a removed file back with its bytes, beside the file that took its place", async () => {
    const [sim, directory] = await withNote("a");
    const before = directory.statSync("note")?.inode;
    await directory.remove("note");
    await put(directory, "other", "b");
    expect(directory.statSync("other")?.inode).toBe(before);
    sim.powerCut({ names: ({ kind }) => kind === "create" });
    const reopened = await sim.process().openDirectory("/s");
    expect(textAt(sim, "/s/note")).toBe("a");
    expect(reopened.statSync("other")?.inode).not.toBe(reopened.statSync("note")?.inode);
  });

  it("shares bytes between hard links, before and after a power cut", async () => {
    const [sim, directory] = await withNote("a");
    await directory.link("note", "backup");
    await directory.syncFolder(".");
    sim.powerCut("none");
    const reopened = await sim.process().openDirectory("/s");
    expect(reopened.statSync("backup")).toMatchObject({ links: 2 });
    await (await reopened.open("backup", "write")).write(bytesOf("b"), 0);
    expect(textOf(await readWhole(reopened, "note", 10))).toBe("b");
  });
});
