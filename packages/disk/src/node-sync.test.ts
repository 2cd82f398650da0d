/**
 * The real disk asks the system for every sync that it reports. No power fails in these tests: what is
 * watched is the call, on the file that it is made on, at the door to node:fs.
 *
 * The rule: the calls go through; only Node's own functions are watched, none of ours is replaced.
 */
import fs, { fstatSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openNodeDisk } from "./node-disk.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-sync-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Inodes that were synced, in order. */
let synced: bigint[] = [];
const inodeOf = (path: string): bigint => statSync(path, { bigint: true }).ino;
const note = (fd: number): void => void synced.push(fstatSync(fd, { bigint: true }).ino);

beforeEach(async () => {
  const probe = await open(scratch, "r");
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  for (const call of ["datasync", "sync"] as const) {
    // oxlint-disable-next-line typescript/unbound-method -- it is called with its own handle below
    const original = handles[call];
    vi.spyOn(handles, call).mockImplementation(async function (this: FileHandle) {
      await original.call(this);
      note(this.fd);
    });
  }
  const { fdatasyncSync } = fs;
  vi.spyOn(fs, "fdatasyncSync").mockImplementation((fd) => {
    fdatasyncSync(fd);
    note(fd);
  });
  syncBuiltinESMExports();
  synced = [];
});

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

describe("the real disk asks the system", () => {
  it("to sync a file each time that it is told to, awaited or not", async () => {
    const directory = await openNodeDisk().openDirectory(scratch);
    const file = await directory.create("file");
    const inode = inodeOf(join(scratch, "file"));
    await file.write(Buffer.from("one"), 0);
    expect(synced).toEqual([]);
    await file.sync();
    expect(synced).toEqual([inode]);
    await file.sync();
    file.syncSync();
    expect(synced).toEqual([inode, inode, inode]);
    await file.close();
  });

  it("to sync a folder each time that it is told to", async () => {
    const path = join(scratch, "folders");
    mkdirSync(join(path, "wal"), { recursive: true });
    const directory = await openNodeDisk().openDirectory(path);
    await directory.syncFolder(".");
    await directory.syncFolder("wal");
    expect(synced).toEqual([inodeOf(path), inodeOf(join(path, "wal"))]);
  });

  it("to sync every directory in which createDirectory made a name, and the one above one that was there", async () => {
    const path = join(scratch, "a/b/c");
    await openNodeDisk().createDirectory(path);
    const above = [scratch, join(scratch, "a"), join(scratch, "a/b")].map(inodeOf);
    expect(synced).toEqual(above);
    // Whoever made it may have been killed before its name was durable.
    synced = [];
    await openNodeDisk().createDirectory(path);
    expect(synced).toEqual([inodeOf(dirname(path))]);
  });
});
