/** Which files make up the log and where each ends, from names, headers and HEAD alone. */
import { UnsupportedFormatError } from "@taskwal/errors";
import type { SimCall } from "@taskwal/disk/sim";
import { encodeHeadSlot, limits, LineBuffer, segmentSalt, type SegmentId } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { newWorld, one, range, rawSegment, root, store, type World } from "./sample-log.test.ts";
import { listLog, type LogListing } from "./segment-list.ts";

const pathOf = (id: SegmentId): string => rawSegment(id, []).path;
const sha256 = "ab".repeat(32);
const previous = { first: 1, epoch: 1, last: 4, bytes: 900, sha256 };

/** A first line with any fields, sealed as one of the segment. */
const line = (id: SegmentId, fields: object, of: string = store): Buffer => {
  const lines = new LineBuffer();
  lines.push(JSON.stringify(fields).slice(1), segmentSalt(of, id));
  return Buffer.from(lines.view());
};
const header = (id: SegmentId, more: object = {}): Buffer =>
  line(id, { format: 1, store, ...id, ...more });

interface Laid {
  readonly segments: readonly (readonly [id: SegmentId, bytes: Uint8Array])[];
  readonly claims?: readonly number[];
  readonly head?: { readonly epoch: number; readonly first: number; readonly durable: number };
}

const laid = async ({ segments, claims = [], head }: Laid): Promise<World> => {
  const world = await newWorld();
  for (const [id, bytes] of segments) world.sim.writeRaw(pathOf(id), bytes);
  for (const epoch of claims) {
    world.sim.writeRaw(`${root}/wal/0000000${epoch}.claim`, new Uint8Array());
  }
  if (head) world.sim.writeRaw(`${root}/wal/HEAD`, encodeHeadSlot({ store, ...head }));
  return world;
};

const list = async (what: Laid, hint?: string): Promise<LogListing> =>
  listLog((await laid(what)).directory, hint);

/** The ranges that are read of a segment. */
const readsOf = async (bytes: Uint8Array): Promise<(readonly [number, number])[]> => {
  const { sim, directory } = await laid({ segments: [[one, bytes]] });
  const reads: (readonly [number, number])[] = [];
  sim.fail(({ kind, path, startBytes = -1, endBytes = -1 }: SimCall) => {
    if (kind === "read" && path === pathOf(one)) reads.push([startBytes, endBytes]);
    return false;
  }, "EIO");
  await listLog(directory);
  return reads;
};

const [a, b, c] = [
  { first: 1, epoch: 2 },
  { first: 9, epoch: 1 },
  { first: 9, epoch: 2 },
] as const;

describe("the list of segments", () => {
  it("is in the order of sequences, then of epochs, in whatever order the folder names them", async () => {
    const ids: SegmentId[] = [a, b, c];
    for (const first of ids) {
      for (const second of ids.filter((id) => id !== first)) {
        const third = ids.find((id) => id !== first && id !== second) ?? first;
        const order = [first, second, third].map((id) => [id, header(id)] as const);
        const listing = await list({ segments: order });
        expect(listing.segments.map(({ id }) => id)).toEqual([a, c]);
        expect(listing.overridden.map(({ id }) => id)).toEqual([b]);
        const old = [2, 3, 1, 4].map((epoch) => ({ first: 1, epoch }));
        const more = old.map((id) => [id, header(id)] as const);
        const { overridden } = await list({ segments: [...more, ...order] });
        expect(overridden.map(({ id }) => [id.first, id.epoch])).toEqual([
          [1, 1],
          [1, 2],
          [1, 3],
          [9, 1],
          [9, 2],
        ]);
      }
    }
  });

  it("tells the highest epoch that a claim, a name or HEAD has, and what was promised", async () => {
    const segments = [[{ first: 3, epoch: 4 }, header({ first: 3, epoch: 4 })]] as const;
    const head = { epoch: 6, first: 1, durable: 7 };
    const told = async (what: Laid): Promise<[number, number]> => {
      const { epochMax, promised } = await list(what);
      return [epochMax, promised];
    };
    expect(await told({ segments: [] })).toEqual([0, 0]);
    expect(await told({ segments })).toEqual([4, 2]);
    expect(await told({ segments, claims: [5, 3] })).toEqual([5, 2]);
    expect(await told({ segments, claims: [5, 3], head })).toEqual([6, 7]);
    expect(await told({ segments: [], head })).toEqual([6, 7]);
    expect(await told({ segments: [], claims: [8], head })).toEqual([8, 7]);
    const named = header({ first: 3, epoch: 4 }, { previous });
    expect(await told({ segments: [[{ first: 3, epoch: 4 }, named]] })).toEqual([4, 4]);
  });

  it("takes the store from the last header that reads, then from HEAD, then from the caller", async () => {
    const [hint, unread] = ["c".repeat(32), Buffer.from("no header\n")];
    const later = { first: 5, epoch: 1 };
    const head = { epoch: 1, first: 1, durable: 4 };
    const storeOf = async (what: Laid): Promise<string | undefined> => {
      const { store: of, segments } = await list(what, hint);
      const [{ salt, id } = expect.fail("no segment")] = segments;
      expect(salt).toBe(segmentSalt(of ?? "", id));
      return of;
    };
    const other = "d".repeat(32);
    const old = line(one, { format: 1, store: other, ...one }, other);
    expect(
      (
        await list({
          segments: [
            [one, old],
            [later, header(later)],
          ],
        })
      ).store,
    ).toBe(store);
    expect(
      await storeOf({
        segments: [
          [one, unread],
          [later, header(later)],
        ],
      }),
    ).toBe(store);
    expect(
      await storeOf({
        segments: [
          [one, header(one)],
          [later, unread],
        ],
      }),
    ).toBe(store);
    expect(await storeOf({ segments: [[one, unread]], head })).toBe(store);
    expect(await storeOf({ segments: [[one, unread]] })).toBe(hint);
    const [segment] = (await list({ segments: [[one, unread]] })).segments;
    expect(segment?.salt).toBe(segmentSalt("", one));
  });

  it("leaves out a name that went meanwhile, and closes what it read", async () => {
    const segments = [a, c].map((id) => [id, header(id)] as const);
    const { sim, disk, directory } = await laid({ segments });
    sim.fail(({ kind, path }) => kind === "open" && path === pathOf(a), "ENOENT");
    const listing = await listLog(directory);
    expect(listing.segments.map(({ id }) => id)).toEqual([c]);
    expect([...disk.openFiles]).toEqual([]);
  });

  it("passes every error of the disk on, and takes EIO alone for damage where it is told to", async () => {
    const segments = [[one, header(one)]] as const;
    const head = { epoch: 1, first: 1, durable: 3 };
    for (const [kind, end, errno, isDamage] of [
      ["open", ".jsonl", "EACCES", false],
      ["read", ".jsonl", "EACCES", false],
      ["read", ".jsonl", "EIO", true],
      ["read", "HEAD", "EACCES", false],
      ["read", "HEAD", "EIO", true],
    ] as const) {
      const { sim, disk, directory } = await laid({ segments, head });
      const fails = (call: SimCall): boolean => call.kind === kind && call.path.endsWith(end);
      sim.fail(fails, errno, { times: "forever" });
      await expect(listLog(directory)).rejects.toMatchObject({ code: errno });
      const salvaged = listLog(directory, store, { onReadError: "damage" });
      if (isDamage) {
        const listing = await salvaged;
        expect(listing.segments.map(({ id }) => id)).toEqual([one]);
        const isHead = end === "HEAD";
        expect([listing.head === undefined, listing.segments[0]?.header === undefined]).toEqual([
          isHead,
          !isHead,
        ]);
      } else await expect(salvaged).rejects.toMatchObject({ code: errno });
      expect([...disk.openFiles]).toEqual([]);
    }
  });
});

describe("the first line of a segment", () => {
  const headerOf = async (bytes: Uint8Array): Promise<unknown> =>
    (await list({ segments: [[one, bytes]] })).segments[0]?.header;

  it("is read block by block, up to its newline and not beyond what a header may have", async () => {
    const { blockBytes } = limits;
    const headerBytesMax = 16 * blockBytes;
    const blocks = (count: number): number[][] =>
      range(0, count - 1).map((at) => [at * blockBytes, (at + 1) * blockBytes]);
    /** A header of that size, its newline included. */
    const sized = (bytes: number): Buffer => {
      const pad = (size: number): Buffer =>
        header(one, { previous: { ...previous, sha256: "a".repeat(size) } });
      return pad(bytes - pad(0).length);
    };
    const behind = Buffer.alloc(20 * blockBytes, "x");
    for (const [bytes, count] of [
      [300, 1],
      [blockBytes, 1],
      [blockBytes + 1, 2],
      [headerBytesMax, 16],
    ] as const) {
      const whole = Buffer.concat([sized(bytes), behind]);
      expect(whole.indexOf("\n") + 1).toBe(bytes);
      expect(await readsOf(whole)).toEqual(blocks(count));
      expect(await headerOf(whole)).toMatchObject({ previous: { bytes: previous.bytes } });
    }
    const longer = Buffer.concat([sized(headerBytesMax + 1), behind]);
    expect(await readsOf(longer)).toEqual(blocks(16));
    expect(await headerOf(longer)).toBeUndefined();
    expect(await readsOf(Buffer.alloc(0))).toEqual(blocks(1));
    expect(await headerOf(Buffer.from(sized(300).subarray(0, -1)))).toBeUndefined();
    expect(await headerOf(Buffer.alloc(0))).toBeUndefined();
    expect(await headerOf(Buffer.from("\n"))).toBeUndefined();
  });

  it("is no header where it names no store, has another's salt, or is another line", async () => {
    const record = { seq: 1, lag: 1, at: 1, type: "a", data: { store } };
    for (const bytes of [
      line(one, { format: 1, ...one }),
      line(one, { format: 1, ...one }, "undefined"),
      line(one, { format: 1, store, ...one }, "e".repeat(32)),
      line({ first: 1, epoch: 2 }, { format: 1, store, ...one }),
      line(one, record),
    ]) {
      const [segment] = (await list({ segments: [[one, bytes]] }, store)).segments;
      expect([segment?.header, segment?.sizeBytes]).toEqual([undefined, bytes.length]);
    }
  });

  it("is taken with every field that this version writes", async () => {
    const id = { first: 5, epoch: 3 };
    const { sha256: _, ...unhashed } = previous;
    const parent = { store, last: 4, sha256 };
    for (const more of [
      {},
      { previous },
      { previous: unhashed },
      { previous, parent },
      { previous: { ...previous, first: 5, epoch: 2 } },
      { previous: { ...previous, first: 4, epoch: 3 } },
    ]) {
      const { segments } = await list({ segments: [[id, header(id, more)]] });
      expect(segments[0]?.header).toMatchObject({ format: 1, store, ...id, ...more });
    }
  });

  it("is refused by the name of what is odd in it, and of the file", async () => {
    const id = { first: 5, epoch: 3 };
    const parent = { store, last: 4, sha256 };
    for (const [fields, found] of [
      [{ format: 2 }, "log format 2"],
      [{ format: 2, more: 1 }, "log format 2"],
      [{ more: 1 }, 'header field "more"'],
      [{ previous: { ...previous, more: 1 } }, 'header field "more"'],
      [{ parent: { ...parent, root: 1 } }, 'header field "root"'],
      [{ store: 7, parent }, 'header field "store"'],
      [{ first: 6 }, 'header field "first"'],
      [{ epoch: 2 }, 'header field "epoch"'],
      [{ previous: null }, 'header field "previous"'],
      [{ previous: { ...previous, first: 6 } }, 'header field "previous"'],
      [{ previous: { ...previous, epoch: 4 } }, 'header field "previous"'],
      [{ previous: { ...previous, sha256: 1 } }, 'header field "previous"'],
      [{ parent: 7 }, 'header field "parent"'],
    ] as const) {
      const listed = list({ segments: [[id, header(id, fields)]] });
      const error = await listed.catch((caught: unknown) => caught);
      expect(error, found).toBeInstanceOf(UnsupportedFormatError);
      const file = pathOf(id).slice(root.length + 1);
      expect(error).toMatchObject({ file, found, supported: "log format 1" });
    }
  });
});

describe("where a segment ends", () => {
  const next = { first: 5, epoch: 1 };
  const over = { first: 5, epoch: 2 };

  /** What the first of them may hold, and whether what follows is of a higher epoch. */
  const endOf = async (
    others: readonly (readonly [SegmentId, object?])[],
    head?: Laid["head"],
  ): Promise<[number | undefined, boolean | undefined]> => {
    const ids: (readonly [SegmentId, object?])[] = [[one], ...others];
    const segments = ids.map(([id, more]) => [id, header(id, more)] as const);
    const listing = await list(head ? { segments, head } : { segments });
    const first = listing.segments.find(({ id }) => id.epoch === 1 && id.first === 1);
    return [first?.lastMax, first?.overridden];
  };

  it("is before the next one of its epoch or a higher one, on the disk or only named", async () => {
    const named = { first: 5, epoch: 1, last: 8, bytes: 9, sha256 };
    expect(await endOf([])).toEqual([Number.POSITIVE_INFINITY, false]);
    expect(await endOf([[next]])).toEqual([4, false]);
    expect(await endOf([[over]])).toEqual([4, true]);
    expect(await endOf([[{ first: 9, epoch: 1 }, { previous: named }]])).toEqual([4, false]);
    const head = { ...next, durable: 8 };
    expect(await endOf([], head)).toEqual([4, false]);
    expect(await endOf([], { ...head, epoch: 2 })).toEqual([4, true]);
    expect(await endOf([[{ first: 6, epoch: 1 }]], { ...head, epoch: 2 })).toEqual([4, true]);
  });

  it("is of the higher epoch also where one of its own begins at the same record", async () => {
    const named = { first: 5, epoch: 1, last: 8, bytes: 9, sha256 };
    expect(await endOf([[next], [over]])).toEqual([4, true]);
    expect(await endOf([[over, { previous: named }]])).toEqual([4, true]);
    expect(await endOf([[next], [{ first: 9, epoch: 1 }, { previous: named }]])).toEqual([
      4,
      false,
    ]);
    // One of its own epoch before the higher one: what ends it is no crash.
    const head = { ...next, durable: 8 };
    expect(await endOf([[{ first: 9, epoch: 2 }]], head)).toEqual([4, false]);
  });

  it("is at the byte that a later header tells of it, and of no other epoch's of that first", async () => {
    const again = { first: 1, epoch: 2 };
    const last = { first: 5, epoch: 3 };
    const body = Buffer.alloc(1_000, "x");
    const listing = await list({
      segments: [
        [one, Buffer.concat([header(one), body])],
        [again, Buffer.concat([header(again), body])],
        [last, header(last, { previous: { ...previous, ...again, bytes: 300 } })],
      ],
    });
    expect(listing.overridden.map(({ endBytes }) => endBytes)).toEqual([
      header(one).length + 1_000,
    ]);
    expect(listing.segments.map(({ endBytes }) => endBytes)).toEqual([
      300,
      header(last, { previous: { ...previous, ...again, bytes: 300 } }).length,
    ]);
  });
});
