/** The promises of directories and names. See contract.ts. */

import type { DiskSubject, TestRunner } from "./contract.ts";
import { readWhole, replaceFile } from "./index.ts";
import type { Directory } from "./index.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const write = async (directory: Directory, name: string, text: string): Promise<void> => {
  const file = await directory.create(name);
  await file.write(bytesOf(text), 0);
  await file.close();
};

const read = async (directory: Directory, name: string): Promise<string> =>
  new TextDecoder().decode(await readWhole(directory, name, 1_000_000));

export const directoryContract = (runner: TestRunner, subject: DiskSubject): void => {
  const { describe, it, expect } = runner;
  const open = async (): Promise<Directory> =>
    subject.openDisk().createDirectory(await subject.makePath());

  describe("opens directories", () => {
    it("creates what is missing above a directory, for the owner alone", async () => {
      const path = `${await subject.makePath()}/a/b`;
      const directory = await subject.openDisk().createDirectory(path);
      expect(await directory.stat(".")).toMatchObject({ kind: "folder", mode: 0o700 });
      expect(await directory.list(".")).toEqual([]);
    });

    it("opens an existing directory with what is in it", async () => {
      const path = await subject.makePath();
      await write(await subject.openDisk().createDirectory(path), "note", "kept");
      const disk = subject.openDisk();
      expect(await read(await disk.createDirectory(path), "note")).toBe("kept");
      expect(await read(await disk.openDirectory(path), "note")).toBe("kept");
    });

    it("refuses a missing directory with ENOENT and a file with ENOTDIR", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      await expect(disk.openDirectory(path)).rejects.toMatchObject({ code: "ENOENT" });
      await write(await disk.createDirectory(path), "note", "");
      await expect(disk.openDirectory(`${path}/note`)).rejects.toMatchObject({ code: "ENOTDIR" });
      await expect(disk.createDirectory(`${path}/note`)).rejects.toMatchObject({ code: "ENOTDIR" });
    });

    it("says whether the file system is a network and how much room it has", async () => {
      const { network, freeBytes, totalBytes } = await (await open()).fileSystem();
      expect(network).toBe(false);
      expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
      expect(freeBytes).toBeGreaterThanOrEqual(1);
    });

    it("says that a directory can be written, and leaves nothing in it by asking", async () => {
      const directory = await open();
      await directory.assertWritable();
      expect(await directory.list(".")).toEqual([]);
    });
  });

  namesContract(runner, open);
  replacingContract(runner, open);
  wholeDirectoryContract(runner, subject);
};

const wholeDirectoryContract = (
  { describe, it, expect }: TestRunner,
  subject: DiskSubject,
): void => {
  describe("names whole directories", () => {
    it("renames one with all that is in it, to a name that is free or an empty directory", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      const made = await disk.createDirectory(`${path}/made`);
      await made.createFolder("wal");
      await write(made, "wal/1", "one");
      await disk.renameDirectory(`${path}/made`, `${path}/first`);
      await disk.createDirectory(`${path}/second`);
      await disk.renameDirectory(`${path}/first`, `${path}/second`);
      const moved = await disk.openDirectory(`${path}/second`);
      expect(await read(moved, "wal/1")).toBe("one");
      expect(await (await disk.openDirectory(path)).list(".")).toEqual(["second"]);
    });

    it("never takes the name of a directory that holds anything, or of a file", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      const above = await disk.createDirectory(path);
      await disk.createDirectory(`${path}/made`);
      await write(await disk.createDirectory(`${path}/full`), "note", "kept");
      await write(above, "file", "kept");
      for (const taken of ["full", "file"]) {
        await expect(disk.renameDirectory(`${path}/made`, `${path}/${taken}`)).rejects.toThrow();
      }
      expect(await read(await disk.openDirectory(`${path}/full`), "note")).toBe("kept");
      expect((await above.list(".")).sort()).toEqual(["file", "full", "made"]);
    });

    it("removes an empty directory, and none that holds anything", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      const made = await disk.createDirectory(`${path}/made`);
      await write(made, "note", "");
      await expect(disk.removeDirectory(`${path}/made`)).rejects.toThrow();
      await made.remove("note");
      await disk.removeDirectory(`${path}/made`);
      await expect(disk.removeDirectory(`${path}/made`)).rejects.toMatchObject({ code: "ENOENT" });
      expect(await (await disk.openDirectory(path)).list(".")).toEqual([]);
    });

    it("links a file into another directory, and never over a name that is taken", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      const [one, other] = [
        await disk.createDirectory(`${path}/one`),
        await disk.createDirectory(`${path}/other`),
      ];
      await write(one, "note", "shared");
      await other.createFolder("wal");
      await one.linkInto("note", other, "wal/note");
      expect(await read(other, "wal/note")).toBe("shared");
      expect((await other.stat("wal/note"))?.inode).toBe((await one.stat("note"))?.inode);
      await expect(one.linkInto("note", other, "wal/note")).rejects.toMatchObject({
        code: "EEXIST",
      });
      await expect(one.linkInto("none", other, "none")).rejects.toMatchObject({ code: "ENOENT" });
    });
  });
};

type OpenDirectory = () => Promise<Directory>;

const namesContract = ({ describe, it, expect }: TestRunner, open: OpenDirectory): void => {
  describe("keeps names", () => {
    it("lists a folder's names, and none for a missing folder", async () => {
      const directory = await open();
      await directory.createFolder("wal");
      await directory.createFolder("wal");
      await write(directory, "wal/one", "");
      await write(directory, "two", "");
      expect((await directory.list(".")).sort()).toEqual(["two", "wal"]);
      expect(await directory.list("wal")).toEqual(["one"]);
      expect(await directory.list("none")).toEqual([]);
      expect(await directory.stat("wal")).toMatchObject({ kind: "folder", mode: 0o700 });
    });

    it("creates exclusively, for the owner alone, and answers EEXIST to the second", async () => {
      const directory = await open();
      await write(directory, "note", "first");
      await expect(directory.create("note")).rejects.toMatchObject({ code: "EEXIST" });
      expect(await directory.stat("note")).toMatchObject({
        kind: "file",
        mode: 0o600,
        sizeBytes: 5,
        links: 1,
      });
    });

    it("answers undefined or ENOENT for a name that does not exist", async () => {
      const directory = await open();
      expect(await directory.stat("note")).toBe(undefined);
      expect(directory.statSync("wal/note")).toBe(undefined);
      await expect(directory.open("note", "read")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.open("note", "write")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.create("wal/note")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.remove("note")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.rename("note", "b")).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.syncFolder("wal")).rejects.toMatchObject({ code: "ENOENT" });
    });

    it("refuses names that lead out of the directory or deeper than one folder", async () => {
      const directory = await open();
      for (const name of ["../a", "/a", "a/../b", "a/b/c", "", "a/", "..", "a\0b"]) {
        await expect((async () => directory.create(name))()).rejects.toMatchObject({
          code: "EINVAL",
        });
      }
    });
  });
};

const replacingContract = ({ describe, it, expect }: TestRunner, open: OpenDirectory): void => {
  describe("replaces and links", () => {
    it("renames over an existing file, whose readers keep what they opened", async () => {
      const directory = await open();
      await write(directory, "old", "old");
      await write(directory, "new", "new");
      const before = await directory.stat("new");
      const reader = await directory.open("old", "read");
      await directory.rename("new", "old");
      expect(await read(directory, "old")).toBe("new");
      expect(directory.statSync("old")?.inode).toBe(before?.inode);
      const buffer = new Uint8Array(3);
      expect(await reader.read(buffer, 0)).toBe(3);
      expect(buffer).toEqual(bytesOf("old"));
      expect((await reader.stat()).inode).not.toBe(before?.inode);
      expect((await reader.stat()).links).toBe(0);
      expect(await directory.list(".")).toEqual(["old"]);
      await reader.close();
    });

    it("links a second name to the same bytes, and never over a name that is taken", async () => {
      const directory = await open();
      await directory.createFolder("quarantine");
      await write(directory, "a", "one");
      await directory.link("a", "quarantine/b");
      await expect(directory.link("a", "quarantine/b")).rejects.toMatchObject({ code: "EEXIST" });
      expect(await directory.stat("a")).toMatchObject({ links: 2 });
      const file = await directory.open("a", "write");
      await file.write(bytesOf("two"), 0);
      await file.close();
      expect(await read(directory, "quarantine/b")).toBe("two");
      await directory.remove("a");
      expect(await directory.stat("quarantine/b")).toMatchObject({ links: 1, sizeBytes: 3 });
    });

    it("keeps both names when one is renamed to another name of the same file", async () => {
      const directory = await open();
      await write(directory, "a", "one");
      await directory.link("a", "b");
      await directory.rename("a", "b");
      expect((await directory.list(".")).sort()).toEqual(["a", "b"]);
    });

    it("replaces a small file as a whole, also over a leftover of an earlier attempt", async () => {
      const directory = await open();
      await write(directory, "HEAD.tmp", "left over and longer");
      await replaceFile(directory, "HEAD", bytesOf("one"));
      await replaceFile(directory, "HEAD", bytesOf("two"));
      expect(await read(directory, "HEAD")).toBe("two");
      expect(await directory.list(".")).toEqual(["HEAD"]);
      await expect(readWhole(directory, "HEAD", 2)).rejects.toThrow();
    });
  });
};
