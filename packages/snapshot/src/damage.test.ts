import { describe, expect, it } from "vitest";

import { bytesOf, createWorld, saveAll, statePath, type World } from "./sample-snapshot.test.ts";
import { readSnapshot, verifySnapshot, type UnusableSnapshot } from "./index.ts";

const withSnapshot = async (): Promise<[World, string]> => {
  const world = await createWorld();
  await saveAll(world, [4713]);
  return [world, Buffer.from(world.sim.readRaw(statePath)).toString("latin1")];
};

/** What both readers say; they must agree that it is not whole. */
const verdict = async ({ directory }: World): Promise<UnusableSnapshot> => {
  const read = await readSnapshot(directory, "state.json");
  const verified = await verifySnapshot(directory, "state.json");
  if (read.ok || verified.ok) throw new Error("damage was not seen");
  expect(verified.kind).toBe(read.kind);
  return read;
};

const verdictOf = async (world: World, text: string | Uint8Array): Promise<UnusableSnapshot> => {
  const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  world.sim.writeRaw(statePath, bytes);
  return verdict(world);
};

describe("a changed snapshot", () => {
  it("is never taken for whole, whichever single bit is flipped", async () => {
    const [world, text] = await withSnapshot();
    for (let bit = 0; bit < text.length * 8; bit++) {
      world.sim.flipBit(statePath, bit);
      expect((await verdict(world)).kind, `bit ${bit}`).toBe("damaged");
      world.sim.flipBit(statePath, bit);
    }
    expect((await readSnapshot(world.directory, "state.json")).ok).toBe(true);
  });

  it("is never taken for whole when cut at any byte, also when NUL bytes follow", async () => {
    const [world, text] = await withSnapshot();
    for (let length = 0; length < text.length; length++) {
      expect((await verdictOf(world, text.slice(0, length))).kind).toBe("damaged");
      const filled = text.slice(0, length) + "\0".repeat(text.length - length);
      expect((await verdictOf(world, filled)).kind).toBe("damaged");
    }
  });

  it("is never taken for whole when bytes follow its end, or stand twice, or are missing", async () => {
    const [world, text] = await withSnapshot();
    for (const more of ["\n", " ", "\0", "x", text]) {
      expect((await verdictOf(world, text + more)).kind).toBe("damaged");
    }
    const lines = text.split(/(?<=\n)/);
    for (let at = 0; at < lines.length; at++) {
      expect((await verdictOf(world, lines.toSpliced(at, 1).join(""))).ok).toBe(false);
      const twice = lines.toSpliced(at, 0, lines[at] ?? "").join("");
      expect((await verdictOf(world, twice)).ok).toBe(false);
    }
  });

  it("tells the byte of a bad line, of a cut, and what its head says", async () => {
    const [world, text] = await withSnapshot();
    const at = text.indexOf('{"id":"b"');
    const bad = text.slice(0, at) + "}" + text.slice(at + 1);
    expect(await verdictOf(world, bad)).toMatchObject({
      reason: "a line is not JSON",
      startBytes: at,
      head: { sequence: 4713 },
    });
    const cut = await verdictOf(world, text.slice(0, -10));
    expect(cut.reason).toMatch(/it was cut/);
    expect(cut.head?.sequence).toBe(4713);
    const changed = text.replace("waiting", "wAiting");
    expect((await verdictOf(world, changed)).reason).toMatch(/checksum does not match/);
  });

  it("is named for what it is: empty, zeroed, rewritten by a tool, of another program", async () => {
    const [world, text] = await withSnapshot();
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    const crlf = text.replaceAll("\n", "\r\n");
    const expected: [string | Uint8Array, string, RegExp][] = [
      ["", "damaged", /empty/],
      ["\0".repeat(9_000), "damaged", /NUL/],
      [pretty, "damaged", /rewrote/],
      [crlf, "damaged", /CRLF/],
      [bytesOf(`\ufeff${text}`), "damaged", /byte order mark/],
      ['{"version":"1.0.0","tasks":[],"last_saved":"x"}', "foreign", /not a snapshot/],
      ["[]", "foreign", /not a snapshot/],
      ["hello\n", "foreign", /not a snapshot/],
    ];
    for (const [bytes, kind, reason] of expected) {
      // A byte order mark and CRLF leave the checksum line recognisable or not: the kind is the same.
      const found = await verdictOf(world, bytes);
      expect([found.kind, found.reason]).toEqual([kind, expect.stringMatching(reason)]);
    }
  });

  it("is unsupported if its format is newer, unless the format itself is the damage", async () => {
    const [world, text] = await withSnapshot();
    const head = text.slice(0, text.indexOf("\n") + 1);
    const newer = head.replace('"format":1', '"format":2');
    expect(await verdictOf(world, `${newer}"of another grammar":1}\n`)).toMatchObject({
      kind: "unsupported",
      reason: "snapshot format 2",
    });
    const flipped = text.replace('"format":1', '"format":3');
    expect((await verdictOf(world, flipped)).kind).toBe("damaged");
  });

  it("is missing if there is none, and foreign if the name is a folder's", async () => {
    const { directory } = await createWorld();
    expect(await readSnapshot(directory, "state.json")).toMatchObject({ kind: "missing" });
    await directory.createFolder("state.json");
    expect(await readSnapshot(directory, "state.json")).toMatchObject({ kind: "foreign" });
  });

  it("is not answered for when the disk cannot read it: the error passes through", async () => {
    const [world, text] = await withSnapshot();
    for (const at of [0, 300, text.length - 1]) {
      const repair = world.sim.failReads(statePath, at, at + 1);
      await expect(readSnapshot(world.directory, "state.json")).rejects.toThrow("EIO");
      repair();
    }
  });
});
