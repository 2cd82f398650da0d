/** Copies, for where hard links do not exist. */
import { createSimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";
import { assertSize, copyFile } from "./copy-file.ts";
import { bytesOf, createWorld, dir } from "./sample-snapshot.test.ts";

const isOf =
  (kind: string, path: string) =>
  (call: { readonly kind: string; readonly path: string }): boolean =>
    call.kind === kind && call.path === path;

describe("a copy", () => {
  it("is made under a name of its own in the folder that it is for, and leaves no file open", async () => {
    for (const [to, temporary] of [
      ["copy.json", "state.copy.tmp"],
      ["quarantine/copy.json", "quarantine/state.copy.tmp"],
    ] as const) {
      const { sim, directory } = await createWorld();
      await directory.createFolder("quarantine");
      sim.writeRaw(`${dir}/from.json`, bytesOf("what it says"));
      await copyFile(directory, "from.json", to);
      expect(sim.readRaw(`${dir}/${to}`)).toEqual(bytesOf("what it says"));
      expect(sim.trace.find(({ kind }) => kind === "create")?.path).toBe(`${dir}/${temporary}`);
    }
  });

  it("that fails leaves no file open, whatever fails", async () => {
    for (const [kind, path] of [
      ["read", `${dir}/from.json`],
      ["create", `${dir}/state.copy.tmp`],
      ["write", `${dir}/state.copy.tmp`],
      ["sync", `${dir}/state.copy.tmp`],
    ] as const) {
      const sim = createSimDisk();
      const process = sim.process();
      const directory = await process.createDirectory(dir);
      sim.writeRaw(`${dir}/from.json`, bytesOf("what it says"));
      sim.fail(isOf(kind, path), "EIO");
      await expect(copyFile(directory, "from.json", "to.json")).rejects.toMatchObject({
        code: "EIO",
      });
      expect([...process.openFiles], kind).toEqual([]);
      expect(await directory.stat("to.json")).toBeUndefined();
    }
  });

  it("of which less is there than was written is refused, with both sizes", async () => {
    const { directory } = await createWorld();
    const file = await directory.create("short");
    await file.write(bytesOf("abc"), 0);
    await assertSize(file, 3);
    await expect(assertSize(file, 5)).rejects.toMatchObject({
      code: "EIO",
      message: "EIO: wrote 5 bytes, found 3, write 'short'",
    });
  });
});
