/**
 * Records and entities that a program does not know: kept in their order, told, and folded by the first
 * opening that knows them, as if all had always known them.
 *
 * Method: every sequence of a few operations on two ids, some of them unknown to the older program, with a
 * snapshot behind each; the older program opens, writes what it may, saves or not; then the newer one opens.
 * TASKWAL_LONG=1 takes sequences of four.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError, UnsupportedFormatError } from "taskwal";
import { prometheusText } from "taskwal/telemetry";
import { describe, expect, it } from "vitest";
import {
  notesIn,
  openPart,
  openWhole,
  tagsIn,
  type PartStore,
  type WholeStore,
} from "./world/partial-model.ts";

const isLong = process.env["TASKWAL_LONG"] === "1";
const lengthMax = isLong ? 4 : 3;

/** `known` and `unknown` act on a note, `tag` on a tag of the id "a"; `both` are one transaction with a key. */
const operations = ["known a", "unknown a", "known b", "unknown b", "tag a", "both"] as const;
type Operation = (typeof operations)[number];

const sequences = (length: number): readonly (readonly Operation[])[] =>
  length === 0
    ? [[]]
    : sequences(length - 1).flatMap((start) => operations.map((last) => [...start, last]));

interface Thing {
  readonly n: number;
  readonly text: string;
}

/** What the operations make, by the test's own reckoning; `held` are the ids that the older program holds. */
interface Expected {
  readonly notes: Map<string, Thing>;
  readonly tags: Map<string, Thing>;
  /** Notes as the older program shows them. */
  readonly shown: Map<string, Thing>;
  readonly held: Set<string>;
}

const nothing = (): Expected => ({
  notes: new Map(),
  tags: new Map(),
  shown: new Map(),
  held: new Set(),
});

const steppedNote = (before: Thing | undefined, isKnown: boolean, text: string): Thing => {
  const n = (before?.n ?? 0) + 1;
  if (!before) return { n, text: isKnown ? text : `(${text})` };
  return { n, text: isKnown ? `${before.text}>${text}` : `[${before.text}]` };
};

const apply = (expected: Expected, operation: Operation, text: string): void => {
  if (operation === "both") {
    apply(expected, "known a", text);
    apply(expected, "unknown b", text);
    return;
  }
  const [kind, id = ""] = operation.split(" ");
  if (kind === "tag") {
    const before = expected.tags.get(id);
    const n = (before?.n ?? 0) + 1;
    expected.tags.set(id, { n, text: before ? `${before.text}>${text}` : text });
    expected.held.add(id);
    return;
  }
  const isKnown = kind === "known";
  const after = steppedNote(expected.notes.get(id), isKnown, text);
  expected.notes.set(id, after);
  if (!isKnown) expected.held.add(id);
  if (!expected.held.has(id)) expected.shown.set(id, after);
};

/** What the newer program's snapshot holds the older one reads as it stands. */
const saved = (expected: Expected): void => {
  expected.held.clear();
  expected.shown.clear();
  for (const [id, note] of expected.notes) expected.shown.set(id, note);
};

/** A call that writes the note; of the types that only the newer program knows too. */
const noteOf = (
  store: Pick<WholeStore, "notes">,
  id: string,
  isKnown: boolean,
  text: string,
): [string, "note.renamed", { text: string }] => {
  const exists = store.notes.get(id) !== undefined;
  const known = exists ? "note.renamed" : "note.created";
  const unknown = exists ? "note.archived" : "note.imported";
  return [id, (isKnown ? known : unknown) as "note.renamed", { text }];
};

const write = async (store: WholeStore, operation: Operation, text: string): Promise<void> => {
  if (operation === "both") {
    const a = noteOf(store, "a", true, text);
    const b = noteOf(store, "b", false, text);
    await store.transact(
      (tx) => {
        tx.notes.mutate(...a);
        tx.notes.mutate(...b);
      },
      { key: text },
    );
    return;
  }
  const [kind, id = ""] = operation.split(" ");
  if (kind !== "tag") await store.notes.mutate(...noteOf(store, id, kind === "known", text));
  else if (store.tags.get(id)) await store.tags.mutate(id, "tag.renamed", { text });
  else await store.tags.mutate(id, "tag.created", { text });
};

const shownOf = (things: ReadonlyMap<string, Thing>): Record<string, readonly unknown[]> =>
  Object.fromEntries([...things].map(([id, { n, text }]) => [id, [n, text]]));

/** The older program tries to write every id; what it holds is refused, and nothing of it is written. */
const writeOthers = async (store: PartStore, expected: Expected): Promise<void> => {
  for (const id of ["a", "b", "c"]) {
    const isHeld = expected.held.has(id);
    const type = expected.shown.has(id) ? "note.renamed" : "note.created";
    const before = store.sequence;
    const written = store.notes.mutate(id, type, { text: "older" }, { key: `older ${id}` });
    if (!isHeld) {
      await written;
      apply(expected, `known ${id}` as Operation, "older");
      continue;
    }
    await expect(written).rejects.toThrow(UnsupportedFormatError);
    const both = store.transact((tx) => {
      tx.notes.mutate("d", "note.created", { text: "beside" });
      tx.notes.mutate(id, type, { text: "older" });
    });
    await expect(both).rejects.toThrow(UnsupportedFormatError);
    expect(store.sequence).toBe(before);
  }
};

const isAsExpected = (store: PartStore, expected: Expected): void => {
  expect(notesIn(store)).toEqual(shownOf(expected.shown));
  expect(new Set(store.held.map(({ id }) => id))).toEqual(expected.held);
  expect(store.recovery.lost).toEqual([]);
  expect(store.damaged).toEqual([]);
};

/** All snapshots gone: the log alone, by a program that knows all of it. */
const fromLog = async (sim: SimDisk): Promise<string> => {
  for (const path of sim.listRaw()) if (/\/state\.[^/]*json$/.test(path)) sim.removeRaw(path);
  const store = await openWhole(sim.process());
  const digest = store.digest();
  await store.close();
  return digest;
};

type Saving = "never" | "at once" | "behind its writes" | "by closing";
const savings: readonly Saving[] = ["never", "at once", "behind its writes", "by closing"];

const run = async (
  sequence: readonly Operation[],
  savedAt: number,
  saving: Saving,
): Promise<void> => {
  const sim = createSimDisk();
  const expected = nothing();
  const first = sim.process();
  const newer = await openWhole(first);
  for (const [at, operation] of sequence.entries()) {
    await write(newer, operation, `${at}`);
    apply(expected, operation, `${at}`);
    if (at === savedAt) {
      await newer.snapshot();
      saved(expected);
    }
  }
  first.kill();

  const second = sim.process();
  const older = await openPart(second);
  isAsExpected(older, expected);
  if (saving === "at once") await older.snapshot();
  await writeOthers(older, expected);
  if (sequence.includes("both")) {
    // The key of a transaction of which it knows a part.
    const key = `${sequence.indexOf("both")}`;
    expect(await older.transact(() => "again", { key })).toBeUndefined();
  }
  if (saving === "behind its writes") await older.snapshot();
  if (saving === "by closing") await older.close();
  second.kill();

  const third = sim.process();
  const again = await openPart(third);
  isAsExpected(again, expected);
  third.kill();

  const last = await openWhole(sim.process());
  expect(notesIn(last)).toEqual(shownOf(expected.notes));
  expect(tagsIn(last)).toEqual(shownOf(expected.tags));
  expect([last.held, last.recovery.held, last.recovery.skipped]).toEqual([[], [], []]);
  const digest = last.digest();
  await last.close();
  expect(await fromLog(sim)).toBe(digest);
};

describe("records of types that a program does not know", () => {
  it("are kept in their order with all that follows of their id, and come to what one comes to that always knew them", async () => {
    let runs = 0;
    for (let length = 1; length <= lengthMax; length += 1) {
      for (const [index, sequence] of sequences(length).entries()) {
        for (let savedAt = -1; savedAt < length; savedAt += 1) {
          // The longest ones take turns.
          const all = length < lengthMax || isLong;
          const turns = all
            ? savings
            : [savings[(index + savedAt + 1) % savings.length] ?? "never"];
          for (const saving of turns) {
            await run(sequence, savedAt, saving);
            runs += 1;
          }
        }
      }
    }
    expect(runs).toBeGreaterThan(1_000);
  }, 300_000);
});

const unknownB = async (sim: SimDisk): Promise<void> => {
  const process = sim.process();
  const store = await openWhole(process);
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("b", "note.created", { text: "b" });
  await store.notes.mutate("b", "note.archived", {});
  await store.tags.mutate("t", "tag.created", { text: "t" });
  process.kill();
};

describe("what a program does not know", () => {
  it("is told by the report, an event, health and the refusal, each with the type that it waits for", async () => {
    const sim = createSimDisk();
    await unknownB(sim);
    const told: unknown[] = [];
    const on = { "state:held": (facts: unknown) => void told.push(facts) };
    const store = await openPart(sim.process(), { on });
    const types = [
      { type: "note.archived", ids: 1, records: 1, sequence: 4, id: "b" },
      { type: "tag.created", ids: 1, records: 1, sequence: 5, id: "t" },
    ];
    expect(store.recovery.held).toEqual(types);
    expect(told).toEqual([{ types }]);
    expect(store.recovery.toText()).toContain("note.archived");
    expect(store.recovery.clean).toBe(true);
    const health = await store.health();
    expect([health.status, health.heldCount]).toEqual(["degraded", 2]);
    expect(health.reasons.join()).toContain("held: 2 ids");
    expect(prometheusText(store.telemetry(), health)).toContain("\ntaskwal_entities_held 2\n");
    expect(store.held).toEqual([
      { id: "b", type: "note.archived", sequence: 4, records: 1 },
      { id: "t", type: "tag.created", sequence: 5, records: 1 },
    ]);
    await expect(store.notes.mutate("b", "note.renamed", { text: "x" })).rejects.toMatchObject({
      code: "UNSUPPORTED_FORMAT",
      file: "record 4",
      found: 'note.archived of "b"',
    });
    await expect(store.accept("notes", "b")).rejects.toThrow(UnsupportedFormatError);
    await expect(
      store.notes.mutate("c", "note.archived" as "note.created", { text: "" }),
    ).rejects.toThrow(InvalidMutationError);
    await store.close();
  });

  it("is carried through snapshots after which nothing of its records is left in the log", async () => {
    const sim = createSimDisk();
    await unknownB(sim);
    const small = { historyFilesMax: 0, historyBytesMax: 0, segmentBytesMax: 600 };
    for (let life = 0; life < 14; life += 1) {
      const store = await openPart(sim.process(), small);
      await store.notes.mutate("a", "note.renamed", { text: `${life}` });
      await store.snapshot();
      sim.clock.advance(60_000);
      await store.close();
    }
    const log = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
    const bytes = log.map((path) => Buffer.from(sim.readRaw(path)).toString()).join("");
    expect(bytes).not.toContain("note.archived");
    expect(bytes).not.toContain("tag.created");
    const store = await openWhole(sim.process());
    expect(notesIn(store)).toMatchObject({ b: [2, "[b]"] });
    expect(tagsIn(store)).toEqual({ t: [1, "t"] });
    await store.close();
  });

  it("stays in what state.json says that it is of, and in what a dump elsewhere says", async () => {
    const sim = createSimDisk();
    await unknownB(sim);
    const store = await openPart(sim.process());
    await store.dump("/dump");
    await store.close();
    for (const dir of ["/state", "/dump"]) {
      const head = JSON.parse(Buffer.from(sim.readRaw(`${dir}/state.json`)).toString()) as object;
      expect(head, dir).toMatchObject({ schema: { note: 1, tag: 1 }, held: { length: 2 } });
    }
  });

  it("reaches a reader that follows live: it is told, and what it knows goes on", async () => {
    const sim = createSimDisk();
    const process = sim.process();
    const writer = await openWhole(process);
    await writer.notes.mutate("a", "note.created", { text: "a" });
    await writer.notes.mutate("b", "note.created", { text: "b" });
    await writer.flush();
    const told: unknown[] = [];
    const reader = await openPart(sim.process(), {
      readOnly: true,
      on: { "state:held": (facts) => void told.push(facts) },
    });
    await reader.flush();
    await writer.notes.mutate("b", "note.archived", {});
    await writer.notes.mutate("b", "note.renamed", { text: "late" });
    await writer.notes.mutate("a", "note.renamed", { text: "on" });
    await writer.notes.mutate("a", "note.renamed", { text: "and on" });
    await writer.close();
    await reader.flush();
    expect(notesIn(reader)).toEqual({ a: [3, "a>on>and on"], b: [1, "b"] });
    expect(told.at(-1)).toEqual({
      types: [{ type: "note.archived", ids: 1, records: 2, sequence: expect.any(Number), id: "b" }],
    });
    expect(reader.held).toHaveLength(1);
    await reader.close();
  });
});
