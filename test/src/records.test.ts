/**
 * Records as a stream: from a sequence on, over segments and snapshots, and live.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError } from "taskwal";
import { expect, test } from "vitest";
import { settle } from "./world/fault-workload.ts";
import { openNotes, refusalOf, type NoteOptions, type NoteStore } from "./world/note-model.ts";

const opened = async (options: NoteOptions = {}) => {
  const sim = createSimDisk();
  const process = sim.process();
  const store = await openNotes(process, { segmentBytesMax: 800, ...options });
  return { sim, process, store };
};

const createMany = async (store: NoteStore, from: number, to: number): Promise<void> => {
  for (let count = from; count <= to; count += 1) {
    await store.notes.mutate(`n-${count}`, "note.created", { text: String(count) });
  }
};

const sequencesOf = async (store: NoteStore, options = {}): Promise<number[]> => {
  const found: number[] = [];
  for await (const { seq } of store.records(options)) found.push(seq);
  return found;
};

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

test("records are given from any sequence on, whatever segments they are in", async () => {
  const { sim, store } = await opened();
  await createMany(store, 1, 30);
  expect(sim.listRaw().filter((path) => path.endsWith(".jsonl")).length).toBeGreaterThan(4);
  const last = store.sequence;
  for (let from = 1; from <= last + 1; from += 1) {
    expect(await sequencesOf(store, { from })).toEqual(range(from, last));
  }
  for (const from of [0, -1, 1.5, Number.NaN]) {
    expect(await refusalOf(sequencesOf(store, { from }))).toBeInstanceOf(InvalidMutationError);
  }
});

test("a follower gets every record once and in order, while others write, segments change and snapshots prune", async () => {
  const { store } = await opened({ historyBytesMax: 0, historyFilesMax: 0 });
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { seq } of store.records({ follow: true, signal: stop.signal })) {
      seen.push(seq);
      if (seq % 7 === 0) await settle();
    }
  })();
  for (let round = 0; round < 5; round += 1) {
    const ids = range(1, 20).map((count) => `r${round}-${count}`);
    await Promise.all(ids.map((id) => store.notes.mutate(id, "note.created", { text: id })));
    await createMany(store, round * 10 + 1, round * 10 + 10);
    await settle();
    await store.compact();
  }
  const last = store.sequence;
  for (let tried = 0; tried < 100 && seen.at(-1) !== last; tried += 1) await settle();
  expect(seen).toEqual(range(1, last));
  stop.abort();
  await following;
});

test("a follower that waits ends with its signal, with the store, and with a break", async () => {
  const { store } = await opened();
  await createMany(store, 1, 3);
  const aborted = sequencesOf(store, { follow: true, signal: AbortSignal.timeout(20) });
  const closed = sequencesOf(store, { follow: true, from: 2 });
  const broken = (async () => {
    for await (const { seq } of store.records({ follow: true })) if (seq === 3) return seq;
    return 0;
  })();
  expect(await broken).toBe(3);
  expect(await aborted).toEqual(range(1, 4));
  await store.close();
  expect((await closed)[0]).toBe(2);
  expect(await sequencesOf(store, { follow: true, signal: AbortSignal.abort() })).toEqual([]);
});

test("a follower never gets a record that no sync has covered", async () => {
  const { sim, store } = await opened();
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { seq } of store.records({ follow: true, signal: stop.signal }))
      seen.push(seq);
  })();
  const { sequence } = await store.notes.mutate(
    "a",
    "note.created",
    { text: "a" },
    { durability: "written" },
  );
  await settle();
  expect(store.notes.get("a"), "it is visible").toBeDefined();
  expect(seen).not.toContain(sequence);
  sim.clock.advance(1_000);
  await settle();
  expect(seen).toContain(sequence);
  stop.abort();
  await following;
});

test("an iteration that is broken off, by a break, a throw or its signal, leaves no file open", async () => {
  const { process, store } = await opened();
  await createMany(store, 1, 30);
  const before = process.openFiles.size;
  for await (const { seq } of store.records()) if (seq === 7) break;
  const stop = new AbortController();
  for await (const { seq } of store.records({ signal: stop.signal })) if (seq === 9) stop.abort();
  const thrown = await refusalOf(
    (async () => {
      for await (const { seq } of store.records()) if (seq === 5) throw new RangeError("enough");
    })(),
  );
  expect(thrown).toBeInstanceOf(RangeError);
  expect(process.openFiles.size).toBe(before);
});

/** A store whose next compaction prunes: it makes the first backup, and goes below it. */
const aboutToPrune = async () => {
  const { sim, store } = await opened({ historyBytesMax: 0, historyFilesMax: 0 });
  await createMany(store, 1, 20);
  await store.compact();
  await createMany(store, 21, 40);
  const segments = (): string[] => sim.listRaw().filter((path) => path.endsWith(".jsonl"));
  return { sim, store, segments };
};

/**
 * Found by the model campaign: a compaction took a segment between its listing and its reading, and the
 * stream ended as if the disk had failed.
 */
test("a stream from which a compaction takes what it wants next says that it was pruned", async () => {
  const { store, segments } = await aboutToPrune();
  const [first] = segments();
  const stream = store.records();
  const { value } = await stream.next();
  expect(value).toBeDefined();
  await store.compact();
  expect(segments()[0]).not.toBe(first);
  const refusal = await refusalOf(
    (async () => {
      while (!(await stream.next()).done);
    })(),
  );
  expect(refusal).toBeInstanceOf(InvalidMutationError);
});

test("a stream that has given nothing yet begins with the oldest that a compaction beside it keeps", async () => {
  const { sim, store, segments } = await aboutToPrune();
  const [first = ""] = segments();
  let opens = 0;
  // The first opening is the listing's.
  const release = sim.hang(
    ({ kind, path }) => kind === "open" && path === first && (opens += 1) === 2,
  );
  const reading = sequencesOf(store);
  await settle();
  expect(opens).toBe(2);
  await store.compact();
  expect(segments()[0]).not.toBe(first);
  release();
  const oldest = Number(segments()[0]?.slice("/state/wal/".length, -"-00000001.jsonl".length));
  expect(await reading).toEqual(range(oldest, store.sequence));
});
