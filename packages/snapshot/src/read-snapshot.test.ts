/** Which files are opened at all, and that each is closed again. */
import { createSimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";
import { readSnapshot, readSnapshotHead, verifySnapshot } from "./read-snapshot.ts";
import { dir, saveAll, statePath } from "./sample-snapshot.test.ts";

const made = async () => {
  const sim = createSimDisk();
  const process = sim.process();
  const directory = await process.createDirectory(dir);
  await saveAll({ sim, clock: process.clock, directory }, [7]);
  return { sim, process, directory };
};

describe("a reader of snapshots", () => {
  it("leaves no file open, also where the disk fails or the file is no snapshot", async () => {
    const { sim, process, directory } = await made();
    const readers = [readSnapshotHead, readSnapshot, verifySnapshot] as const;
    for (const read of readers) {
      await read(directory, "state.json");
      expect([...process.openFiles]).toEqual([]);
      sim.fail(({ kind, path }) => kind === "read" && path === statePath, "EIO");
      await expect(read(directory, "state.json")).rejects.toMatchObject({ code: "EIO" });
      expect([...process.openFiles]).toEqual([]);
    }
  });

  it("says of what is no file that it is foreign, and of nothing that it is missing", async () => {
    const { directory } = await made();
    await directory.createFolder("folder");
    for (const read of [readSnapshot, verifySnapshot]) {
      expect(await read(directory, "folder")).toEqual({
        ok: false,
        kind: "foreign",
        reason: "it is not a file",
      });
      expect(await read(directory, "nothing")).toEqual({
        ok: false,
        kind: "missing",
        reason: "it does not exist",
      });
    }
    for (const name of ["folder", "nothing"]) {
      expect(await readSnapshotHead(directory, name)).toEqual({ kind: "other" });
    }
    expect(await readSnapshotHead(directory, "state.json")).toMatchObject({
      kind: "ours",
      head: { sequence: 7 },
    });
  });

  it("gives back the reason, not a state, for what is not whole", async () => {
    const { sim, directory } = await made();
    sim.flipBit(statePath, 8 * 300);
    const reading = await readSnapshot(directory, "state.json");
    expect(reading).toMatchObject({ ok: false, kind: "damaged" });
    expect(reading).not.toHaveProperty("collections");
  });
});
