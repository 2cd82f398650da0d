import { describe, expect, it } from "vitest";

import type { Directory, File } from "./index.ts";
import { createSimDisk } from "./sim.ts";
import type { SimDisk } from "./sim.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textAt = (sim: SimDisk, where: "cached" | "durable" = "cached"): string =>
  new TextDecoder().decode(sim.readRaw("/s/note", where));

const withNote = async (
  text: string,
  options = {},
): Promise<{ sim: SimDisk; directory: Directory; file: File }> => {
  const sim = createSimDisk({ seed: 5, ...options });
  const directory = await sim.process().createDirectory("/s");
  const file = await directory.create("note");
  await file.write(bytesOf(text), 0);
  await file.sync();
  await directory.syncFolder(".");
  return { sim, directory, file };
};

describe("failing calls", () => {
  it("fails the call of a number once, with the errno, and without effect", async () => {
    const { sim, file } = await withNote("a");
    sim.fail(sim.callCount + 1, "EROFS");
    await expect(file.write(bytesOf("b"), 0)).rejects.toMatchObject({ code: "EROFS" });
    expect(textAt(sim)).toBe("a");
    await file.write(bytesOf("c"), 0);
    expect(textAt(sim)).toBe("c");
  });

  it("fails every call that a predicate names, until it is repaired", async () => {
    const { sim, directory } = await withNote("a");
    const repair = sim.fail(({ kind }) => kind === "open" || kind === "create", "EMFILE", {
      times: "forever",
    });
    await expect(directory.open("note", "read")).rejects.toMatchObject({ code: "EMFILE" });
    await expect(directory.create("b")).rejects.toMatchObject({ code: "EMFILE" });
    expect(await directory.list(".")).toEqual(["note"]);
    repair();
    await (await directory.create("b")).close();
  });

  it("writes a part before the error, when told, also by the synchronous call", async () => {
    const { sim, file } = await withNote("aaaa");
    sim.fail(({ kind }) => kind === "write", "EIO", { partialBytes: 2, times: 2 });
    await expect(file.write(bytesOf("BBBB"), 0)).rejects.toMatchObject({ code: "EIO" });
    expect(textAt(sim)).toBe("BBaa");
    expect(() => file.writeSync(bytesOf("CCCC"), 1)).toThrow("EIO");
    expect(textAt(sim)).toBe("BCCa");
  });

  it("fails reads that touch a range, and no others", async () => {
    const { sim, file } = await withNote("0123456789");
    const repair = sim.failReads("/s/note", 4, 6);
    expect(await file.read(new Uint8Array(4), 0)).toBe(4);
    expect(await file.read(new Uint8Array(4), 6)).toBe(4);
    await expect(file.read(new Uint8Array(2), 3)).rejects.toMatchObject({ code: "EIO" });
    repair();
    expect(await file.read(new Uint8Array(10), 0)).toBe(10);
  });

  it("lets a call hang without effect, while others pass it, until it is released", async () => {
    const { sim, file } = await withNote("aa");
    const release = sim.hang(({ kind }) => kind === "write");
    let isDone = false;
    const hanging = file.write(bytesOf("B"), 0).then(() => (isDone = true));
    await sim.clock.yield();
    file.writeSync(bytesOf("C"), 1);
    expect([isDone, textAt(sim)]).toEqual([false, "aC"]);
    release();
    await hanging;
    expect(textAt(sim)).toBe("BC");
  });
});

describe("failing syncs", () => {
  it("keeps in the cache what it will never write, and answers well to the next sync", async () => {
    const { sim, file } = await withNote("aa");
    await file.write(bytesOf("B"), 0);
    sim.fail(({ kind }) => kind === "sync", "EIO");
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    await file.sync();
    expect([textAt(sim), textAt(sim, "durable")]).toEqual(["Ba", "aa"]);
    await file.write(bytesOf("C"), 1);
    await file.sync();
    expect([textAt(sim), textAt(sim, "durable")]).toEqual(["BC", "aC"]);
    sim.dropCaches();
    expect(textAt(sim)).toBe("aC");
  });

  it("takes the cache back to the disk, as btrfs does", async () => {
    const { sim, file } = await withNote("aa");
    await file.write(bytesOf("BBB"), 0);
    sim.fail(({ kind }) => kind === "sync", "EIO", { afterSync: "revert" });
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    expect([textAt(sim), textAt(sim, "durable")]).toEqual(["aa", "aa"]);
  });

  it("leaves the bytes for the next sync, where pages stay dirty", async () => {
    const { sim, file } = await withNote("aa");
    await file.write(bytesOf("B"), 0);
    sim.fail(({ kind }) => kind === "sync", "ENOSPC", { afterSync: "dirty" });
    await expect(file.sync()).rejects.toMatchObject({ code: "ENOSPC" });
    await file.sync();
    expect(textAt(sim, "durable")).toBe("Ba");
  });

  it("reports the error once to another file that was open, and not to one opened later", async () => {
    const { sim, directory, file } = await withNote("aa");
    const beside = await directory.open("note", "write");
    await file.write(bytesOf("B"), 0);
    sim.fail(({ kind }) => kind === "sync", "EIO");
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    const later = await directory.open("note", "write");
    await later.sync();
    await expect(beside.sync()).rejects.toMatchObject({ code: "EIO" });
    await beside.sync();
  });

  it("forgets names whose folder failed to sync: no later sync makes them durable", async () => {
    const { sim, directory } = await withNote("a");
    await directory.link("note", "b");
    sim.fail(({ kind }) => kind === "syncFolder", "EIO");
    await expect(directory.syncFolder(".")).rejects.toMatchObject({ code: "EIO" });
    await directory.syncFolder(".");
    expect((await directory.list(".")).sort()).toEqual(["b", "note"]);
    sim.powerCut("all");
    expect(sim.listRaw()).toEqual(["/s/note"]);
  });
});

describe("a full disk", () => {
  it("writes what fits and throws ENOSPC, and goes on when space returns", async () => {
    const { sim, directory, file } = await withNote("aa", { capacityBytes: 6 });
    await expect(file.write(bytesOf("BBBBBBBB"), 1)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(textAt(sim)).toBe("aBBBBB");
    await file.write(bytesOf("CC"), 0);
    expect(await directory.fileSystem()).toMatchObject({ freeBytes: 0, totalBytes: 6 });
    await file.truncate(2);
    await file.write(bytesOf("DDDD"), 2);
    expect([textAt(sim), sim.usedBytes]).toEqual(["CCDDDD", 6]);
    sim.capacityBytes = 7;
    await file.write(bytesOf("E"), 6);
    await expect(file.write(bytesOf("F"), 7)).rejects.toMatchObject({ code: "ENOSPC" });
  });

  it("can be written as far as permissions go; what a fault forbids cannot", async () => {
    const { sim, directory } = await withNote("aa", { capacityBytes: 2 });
    await directory.assertWritable();
    sim.fail(({ kind }) => kind === "access", "EROFS");
    await expect(directory.assertWritable()).rejects.toMatchObject({ code: "EROFS" });
  });

  it("gives the space of a removed file back", async () => {
    const { sim, directory, file } = await withNote("aaaa", { capacityBytes: 4 });
    await file.close();
    const other = await directory.create("other");
    await expect(other.write(bytesOf("b"), 0)).rejects.toMatchObject({ code: "ENOSPC" });
    await directory.remove("note");
    await other.write(bytesOf("bbbb"), 0);
    expect(sim.usedBytes).toBe(4);
  });
});

describe("lies and rot", () => {
  it("loses a write, a sync or a rename that it answered well", async () => {
    const { sim, directory, file } = await withNote("aa");
    sim.lose(({ kind }) => kind === "write");
    await file.write(bytesOf("B"), 0);
    await file.write(bytesOf("C"), 1);
    await file.sync();
    expect([textAt(sim), textAt(sim, "durable")]).toEqual(["BC", "aC"]);
    sim.lose(({ kind }) => kind === "rename");
    await directory.rename("note", "moved");
    await directory.syncFolder(".");
    expect(sim.listRaw()).toEqual(["/s/moved"]);
    sim.powerCut("all");
    expect(sim.listRaw()).toEqual(["/s/note"]);
  });

  it("flips one bit, durably, and writes and removes files by hand", async () => {
    const { sim, directory } = await withNote("ab");
    sim.flipBit("/s/note", 8);
    expect(textAt(sim)).toBe("ac");
    sim.writeRaw("/s/wal/1", bytesOf("by hand"));
    sim.removeRaw("/s/note");
    expect(await directory.list(".")).toEqual(["wal"]);
    sim.powerCut("all");
    expect(sim.listRaw()).toEqual(["/s/wal/1"]);
    expect(() => sim.readRaw("/s/note")).toThrow("ENOENT");
    expect(() => sim.flipBit("/s/wal/1", 99)).toThrow(RangeError);
  });

  it("shows an edit by hand as a change of the same file", async () => {
    const { sim, directory } = await withNote("ab");
    const before = directory.statSync("note");
    sim.writeRaw("/s/note", bytesOf("cd"));
    expect(directory.statSync("note")?.inode).toBe(before?.inode);
    expect(directory.statSync("note")?.modified).not.toBe(before?.modified);
  });
});
