/** What the simulated disk does not have: symbolic links, and folders that can be opened. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, describe, expect, it } from "vitest";

import { sourceOf } from "./sample-snapshot.test.ts";
import { readSnapshot, readSnapshotHead, saveSnapshot, verifySnapshot } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-snapshot-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

// A symbolic link needs a privilege on Windows.
describe.skipIf(process.platform === "win32")("a symbolic link named state.json", () => {
  it("is set aside as it is, without a sequence, and what it leads to never becomes a backup", async () => {
    const disk = openNodeDisk();
    const path = join(scratch, "state");
    mkdirSync(path);
    const directory = await disk.openDirectory(path);
    const save = async (sequence: number) =>
      saveSnapshot(directory, sourceOf(sequence, disk.clock), {
        clock: disk.clock,
        previous: undefined,
      });
    await save(1);
    const target = join(scratch, "mine.json");
    renameSync(join(path, "state.json"), target);
    symlinkSync(target, join(path, "state.json"));
    const { backup, quarantined } = await save(2);
    expect(backup).toBeUndefined();
    expect(quarantined).toMatch(/^quarantine\/state\.[^-]*-0\.json$/);
    expect(lstatSync(join(path, quarantined ?? "")).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toContain('"sequence":1,');
    expect(await readSnapshot(directory, "state.json")).toMatchObject({ head: { sequence: 2 } });
    await directory.close();
  });
});

describe("a folder named state.json", () => {
  it("has no head and is no snapshot, also where the system opens folders", async () => {
    const path = join(scratch, "folder");
    mkdirSync(join(path, "state.json"), { recursive: true });
    const directory = await openNodeDisk().openDirectory(path);
    expect(await readSnapshotHead(directory, "state.json")).toEqual({ kind: "other" });
    expect(await verifySnapshot(directory, "state.json")).toMatchObject({ kind: "foreign" });
    await directory.close();
  });
});
