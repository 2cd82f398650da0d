/** A state.json that shares its bytes with a backup, while somebody works on it. */
import { describe, expect, it } from "vitest";
import {
  bytesOf,
  createWorld,
  dir,
  saveAll,
  statePath,
  type World,
} from "./sample-snapshot.test.ts";
import { unshareState } from "./unshare-state.ts";

const shared = async (): Promise<World> => {
  const world = await createWorld();
  await saveAll(world, [1]);
  await world.directory.link("state.json", "state.backup.shared.json");
  return world;
};

/** Runs `edit` each time that the copy has been made. */
const afterEachCopy = ({ sim }: World, edit: (count: number) => void): void => {
  let count = 0;
  sim.fail(({ kind, path }) => {
    if (kind === "sync" && path.endsWith("state.json.tmp")) edit((count += 1));
    return false;
  }, "EIO");
};

describe("a shared state.json", () => {
  it("is copied anew when somebody edited it meanwhile, and what was written is in the copy", async () => {
    const world = await shared();
    const edited = bytesOf("edited");
    afterEachCopy(world, (count) => {
      if (count < 3) world.sim.writeRaw(statePath, count === 2 ? edited : bytesOf("half"));
    });
    // Whoever replaces the file shares it with nobody: it is left as it is.
    const before = (await world.directory.stat("state.json"))?.links;
    expect(before).toBe(2);
    const isRemade = await unshareState(world.directory);
    const now = await world.directory.stat("state.json");
    expect(now?.links).toBe(1);
    expect(world.sim.readRaw(statePath)).toEqual(isRemade ? edited : bytesOf("half"));
  });

  it("that goes while it is copied is not brought back", async () => {
    const world = await shared();
    afterEachCopy(world, () => world.sim.removeRaw(statePath));
    expect(await unshareState(world.directory)).toBe(false);
    expect(await world.directory.stat("state.json")).toBeUndefined();
    expect(world.sim.listRaw()).toContain(`${dir}/state.backup.shared.json`);
  });

  it("is given up after five copies if it never stands still, and is as somebody left it", async () => {
    const world = await shared();
    const editor = await world.directory.open("state.json", "write");
    let copies = 0;
    afterEachCopy(world, (count) => {
      copies = count;
      world.sim.clock.advance(10);
      editor.writeSync(bytesOf(`edit ${count}`), 0);
    });
    await expect(unshareState(world.directory)).rejects.toMatchObject({
      code: "EBUSY",
      message: "EBUSY: state.json keeps changing while it is to be replaced",
    });
    expect(copies).toBe(5);
    expect(Buffer.from(world.sim.readRaw(statePath)).toString()).toMatch(/^edit 5/);
    expect((await world.directory.stat("state.json"))?.links).toBe(2);
  });
});
