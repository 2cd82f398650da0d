/** What a claim is taken above, how it is taken back, and which disk errors end it. */
import { encodeHeadSlot } from "@taskwal/format";
import type { SimCall, SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { claimEpoch, pruneClaims, withdrawClaim } from "./claim-epoch.ts";
import { newWorld, range, root, store } from "./sample-log.test.ts";

const claimPath = (epoch: number): string => `${root}/wal/0000000${epoch}.claim`;
const claimsIn = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => path.endsWith(".claim"));
const isHeadRead = ({ kind, path }: SimCall): boolean => kind === "read" && path.endsWith("HEAD");
const empty = new Uint8Array();

describe("a claim", () => {
  it("is above the epoch that HEAD names, also where no segment and no claim of it is left", async () => {
    const { sim, disk, directory } = await newWorld();
    sim.writeRaw(`${root}/wal/HEAD`, encodeHeadSlot({ store, epoch: 8, first: 1, durable: 3 }));
    expect(await claimEpoch(directory, 2)).toBe(9);
    expect([...disk.openFiles]).toEqual([]);
  });

  it("is taken also where HEAD does not read, and leaves no file open", async () => {
    const { sim, disk, directory } = await newWorld();
    sim.writeRaw(`${root}/wal/HEAD`, encodeHeadSlot({ store, epoch: 8, first: 1, durable: 3 }));
    sim.fail(isHeadRead, "EIO");
    expect(await claimEpoch(directory, 2)).toBe(3);
    expect([...disk.openFiles]).toEqual([]);
  });

  it("is not taken where the disk refuses anything else", async () => {
    const { sim, directory } = await newWorld();
    sim.writeRaw(`${root}/wal/HEAD`, encodeHeadSlot({ store, epoch: 8, first: 1, durable: 3 }));
    sim.fail(isHeadRead, "EACCES");
    await expect(claimEpoch(directory, 0)).rejects.toMatchObject({ code: "EACCES" });
    sim.fail(({ kind }) => kind === "create", "ENOSPC");
    await expect(claimEpoch(directory, 0)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(claimsIn(sim)).toEqual([]);
  });

  it("of a refused opening is taken back, and nothing else", async () => {
    const { sim, directory } = await newWorld();
    for (const _ of range(1, 3)) await claimEpoch(directory, 0);
    sim.writeRaw(`${root}/wal/00000000000000000001-00000002.jsonl`, empty);
    const before = sim.listRaw();
    await withdrawClaim(directory, 3);
    expect(sim.listRaw()).toEqual(before.filter((path) => path !== claimPath(3)));
  });

  it("is never taken back once there is a segment of its epoch", async () => {
    const { sim, directory } = await newWorld();
    for (const _ of range(1, 3)) await claimEpoch(directory, 0);
    sim.writeRaw(`${root}/wal/00000000000000000001-00000003.jsonl`, empty);
    await withdrawClaim(directory, 3);
    expect(claimsIn(sim)).toEqual([1, 2, 3].map(claimPath));
  });

  it("is never taken back once there is a higher one: it may be what fences an older owner", async () => {
    const { sim, directory } = await newWorld();
    for (const _ of range(1, 3)) await claimEpoch(directory, 0);
    const { callCount } = sim;
    await withdrawClaim(directory, 2);
    expect(sim.callCount).toBe(callCount);
    expect(claimsIn(sim)).toEqual([1, 2, 3].map(claimPath));
  });

  it("is pruned in the order of the epochs, in whatever order the folder names them", async () => {
    const { sim, directory } = await newWorld();
    sim.writeRaw(claimPath(3), empty);
    sim.writeRaw(`${root}/wal/00000000000000000001-00000005.jsonl`, empty);
    for (const epoch of [1, 4, 2]) sim.writeRaw(claimPath(epoch), empty);
    await pruneClaims(directory, 5);
    const removed = sim.trace.flatMap(({ kind, path }) => (kind === "remove" ? [path] : []));
    expect(removed).toEqual([1, 2, 3, 4].map(claimPath));
  });
});
