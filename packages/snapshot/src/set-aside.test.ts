import type { SimCall } from "@taskwal/disk/sim";
import { timeStamp } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  bytesOf,
  createWorld,
  dir,
  namesIn,
  next,
  saveAll,
  statePath,
  textAt,
  type World,
} from "./sample-snapshot.test.ts";
import type { KnownState } from "./index.ts";

/** A store whose state.json somebody edited, and what it knew of it before. */
const withEdited = async (): Promise<[World, KnownState | undefined]> => {
  const world = await createWorld();
  const saved = await saveAll(world, [1]);
  world.sim.writeRaw(statePath, bytesOf(`${textAt(world, "state.json")} `));
  return [world, saved?.stat];
};

const inodeOf = async ({ directory }: World, name: string): Promise<string | undefined> =>
  (await directory.stat(name))?.inode;

const isRenameOfTmp = ({ kind, path }: SimCall): boolean =>
  kind === "rename" && path === `${statePath}.tmp`;

/** An import keeps what it read as legacy/state.json. */
const withForeign = async (other: string): Promise<World> => {
  const world = await createWorld();
  world.sim.writeRaw(statePath, bytesOf('{"tasks":[]}'));
  await world.directory.createFolder("legacy");
  await world.directory.link("state.json", other);
  return world;
};

describe("what is set aside", () => {
  it("is nothing if an import has given it a second name already", async () => {
    const world = await withForeign("legacy/state.json");
    const { backup, quarantined } = await next(world, 1, undefined);
    expect([backup, quarantined]).toEqual([undefined, undefined]);
    expect(await namesIn(world.directory)).toEqual(["legacy", "state.json"]);
    expect(textAt(world, "legacy/state.json")).toBe('{"tasks":[]}');
  });

  it("is the file itself if it has a second name elsewhere, whatever an import kept", async () => {
    for (const imported of [undefined, "of long ago"]) {
      const world = await withForeign("mine.json");
      if (imported) world.sim.writeRaw(`${dir}/legacy/state.json`, bytesOf(imported));
      const { quarantined } = await next(world, 1, undefined);
      expect(textAt(world, quarantined ?? "")).toBe('{"tasks":[]}');
      expect(await inodeOf(world, quarantined ?? "")).toBe(await inodeOf(world, "mine.json"));
    }
  });

  it("stands there once, also if the save failed afterwards and another follows", async () => {
    const [world, previous] = await withEdited();
    world.sim.writeRaw(`${dir}/quarantine/earlier.json`, bytesOf("of another time"));
    world.sim.fail(isRenameOfTmp, "EIO");
    await expect(next(world, 2, previous)).rejects.toThrow("EIO");
    const { quarantined } = await next(world, 2, previous);
    expect(textAt(world, quarantined ?? "")).toMatch(/"sequence":1,[^]* $/);
    const names = (await namesIn(world.directory, "quarantine")).map(
      (leaf) => `quarantine/${leaf}`,
    );
    expect(names).toEqual(["quarantine/earlier.json", quarantined]);
  });

  it("is set aside although somebody clears quarantine/ at the same time", async () => {
    const [world, previous] = await withEdited();
    const path = `${dir}/quarantine/earlier.json`;
    world.sim.writeRaw(path, bytesOf("of another time"));
    const release = world.sim.hang((call) => call.kind === "stat" && call.path === path);
    const saving = next(world, 2, previous);
    for (let turn = 0; turn < 200; turn++) await world.clock.yield();
    world.sim.removeRaw(path);
    release();
    expect(textAt(world, (await saving).quarantined ?? "")).toContain('"sequence":1,');
  });

  it("takes the next free millisecond if its name is taken", async () => {
    const [world, previous] = await withEdited();
    const nameAt = (atMs: number): string => `quarantine/state.${timeStamp(atMs)}-1.json`;
    const nowMs = world.clock.now();
    for (const atMs of [nowMs, nowMs + 1]) {
      world.sim.writeRaw(`${dir}/${nameAt(atMs)}`, bytesOf("earlier"));
    }
    expect((await next(world, 2, previous)).quarantined).toBe(nameAt(nowMs + 2));
    expect(textAt(world, nameAt(nowMs))).toBe("earlier");
  });

  it("is not replaced by a save that may not read it", async () => {
    const [world, previous] = await withEdited();
    const { sim } = world;
    sim.fail(({ kind, path }) => kind === "open" && path === statePath, "EACCES");
    await expect(next(world, 2, previous)).rejects.toMatchObject({ code: "EACCES" });
    expect(textAt(world, "state.json")).toContain('"sequence":1,');
  });

  it("is never a folder: that stays, and the save fails with the error of the disk", async () => {
    const world = await createWorld();
    await world.directory.createFolder("state.json");
    await expect(next(world, 1, undefined)).rejects.toMatchObject({ code: "EISDIR" });
    expect((await world.directory.stat("state.json"))?.kind).toBe("folder");
  });
});

describe("what is set aside where hard links do not exist", () => {
  it("is a copy that is made in quarantine/, so that a failed one leaves nothing beside state.json", async () => {
    const [world, previous] = await withEdited();
    const { sim, directory } = world;
    sim.fail(({ kind }) => kind === "link", "EPERM", { times: "forever" });
    sim.fail(({ kind, path }) => kind === "sync" && path !== `${statePath}.tmp`, "EIO");
    await expect(next(world, 2, previous)).rejects.toThrow("EIO");
    expect(await namesIn(directory)).toEqual(["quarantine", "state.json"]);
    const { quarantined } = await next(world, 2, previous);
    expect(textAt(world, quarantined ?? "")).toContain('"sequence":1,');
    expect(await namesIn(directory, "quarantine")).toEqual([quarantined?.split("/")[1]]);
  });
});
