/** What an opening tidies of those that did not come through: exactly that, and in an order that fences whoever is left. */
import { describe, expect, it } from "vitest";
import { removeLeftovers } from "./leftovers.ts";
import { newWorld, root } from "./sample-log.test.ts";

const empty = new Uint8Array();
const segment = (epoch: number): string => `00000000000000000001-0000000${epoch}.jsonl`;
const claim = (epoch: number): string => `0000000${epoch}.claim`;

describe("leftovers in wal/", () => {
  it("are temporary segments and claims of older epochs that wrote nothing; all else stays", async () => {
    const { sim, directory } = await newWorld();
    const staying = [
      segment(2),
      claim(2),
      // Whoever owned 2 looks for it.
      claim(3),
      segment(7),
      claim(7),
      // Our own, and what is not ours.
      `${segment(7)}.tmp`,
      claim(8),
      "HEAD",
      "HEAD.tmp",
      "notes.tmp",
      `${segment(3)}.tmp.bak`,
    ];
    const going = [
      claim(1),
      claim(4),
      claim(5),
      claim(6),
      `${segment(4)}.tmp`,
      `${segment(6)}.tmp`,
    ];
    for (const name of [...going, ...staying].toReversed())
      sim.writeRaw(`${root}/wal/${name}`, empty);
    const before = sim.listRaw();
    await removeLeftovers(directory, 7);
    const gone = going.map((name) => `${root}/wal/${name}`);
    expect(sim.listRaw()).toEqual(before.filter((path) => !gone.includes(path)));
    const removed = sim.trace.flatMap(({ kind, path }) => (kind === "remove" ? [path] : []));
    const claims = removed.filter((path) => path.endsWith(".claim"));
    expect(claims).toEqual([1, 4, 5, 6].map((epoch) => `${root}/wal/${claim(epoch)}`));
  });
});
