import { canonicalJson, type JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  createWorld,
  namesIn,
  saveAll,
  sourceOf,
  statePath,
  tasks,
  type World,
} from "./sample-snapshot.test.ts";
import {
  lazyArray,
  lazyObject,
  readSnapshot,
  readSnapshotHead,
  saveSnapshot,
  verifySnapshot,
  type SnapshotSource,
  type WholeSnapshot,
} from "./index.ts";
import { snapshotText } from "./snapshot-text.ts";

const save = async ({ directory, clock }: World, source: SnapshotSource) =>
  saveSnapshot(directory, source, { clock, previous: undefined });

const readWhole = async ({ directory, clock }: World): Promise<WholeSnapshot> => {
  const reading = await readSnapshot(directory, "state.json", clock);
  if (!reading.ok) throw new Error(reading.reason);
  return reading;
};

const rawText = ({ sim }: World): string => Buffer.from(sim.readRaw(statePath)).toString("utf8");

const odd: JsonValue[] = [
  { id: "lone", high: "\ud834", low: "\udd1e", swapped: "\udd1e\ud834" },
  { id: "separators", text: "a\u2028b\u2029c\r\nd\0\u007f" },
  { id: "keys", checksum: "sha256:0", '"checksum"': 1, "": 2, "\n],": 3 },
  { id: "lines", text: '\n],\n"engine":{},\n"checksum":"sha256:00"}\n' },
  { id: "bytes", text: "é 漢字 𝄞 \ufeff" },
  { id: "empty", list: [], object: {}, text: "" },
  { id: "deep", list: [[[[{ a: [1.5e300, -1, 5e-324] }]]]] },
];

describe("a snapshot", () => {
  it("reads back what was saved: entities in order, summary, engine part, head", async () => {
    const world = await createWorld();
    const source = sourceOf(7, world.clock, { ...tasks(...odd), engine: { keys: odd } });
    const saved = await save(world, source);
    const reading = await readWhole(world);
    expect(reading.collections).toEqual(new Map([["tasks", odd]]));
    expect(reading.summary).toEqual(source.summary);
    expect(reading.engine).toEqual({ keys: odd });
    expect(reading.head).toEqual({ version: "1.0.0", format: 1, ...source.head });
    expect(reading).toMatchObject({ sizeBytes: saved.sizeBytes, sha256: saved.sha256 });
    expect(reading.stat).toMatchObject(saved.stat);
  });

  it("is one JSON object, one entity on a line, keys in stable order", async () => {
    const world = await createWorld();
    const head = { ...sourceOf(7, world.clock).head, last_saved: "2026-11-25T18:05:47.123Z" };
    const piece = lazyObject([
      ["id", "b"],
      ["logs", lazyArray([{ z: 1, a: 2 }])],
    ]);
    const { sha256 } = await save(world, {
      head: { ...head, schema: { task: 2, session: 1 } },
      summary: { metrics: { b: 1, a: [] } },
      collections: [
        { name: "tasks", entities: [{ status: "x", id: "a" }, piece] },
        { name: "sessions", entities: [] },
      ],
      engine: lazyObject([["versions", { task: { a: 1 } }]]),
    });
    expect(rawText(world)).toBe(
      `{"version":"1.0.0","format":1,"store":"${head.store}","epoch":1,"sequence":7,` +
        '"last":"77a90c5b","schema":{"session":1,"task":2},"last_saved":"2026-11-25T18:05:47.123Z",\n' +
        '"metrics":{"a":[],"b":1},\n' +
        '"tasks":[\n{"id":"a","status":"x"},\n{"id":"b","logs":[{"a":2,"z":1}]}\n],\n' +
        '"sessions":[\n],\n' +
        '"engine":{"versions":{"task":{"a":1}}},\n' +
        `"checksum":"sha256:${sha256}"}\n`,
    );
    expect(Object.keys(JSON.parse(rawText(world)) as object)).toEqual(
      "version format store epoch sequence last schema last_saved metrics tasks sessions engine checksum".split(
        " ",
      ),
    );
  });

  it("reads back through every boundary of a chunk: long lines, many short ones, long text", async () => {
    const world = await createWorld();
    const lists = [
      Array.from({ length: 60_000 }, (_, at) => ({ id: String(at), text: "é".repeat(at % 40) })),
      [{ id: "long", text: "x".repeat(3_000_000) }, { id: "after" }],
      // Just around a mebibyte, so that line ends fall on every side of a chunk's end.
      ...[-2, -1, 0, 1, 2].map((more) => [
        { id: "a", text: "y".repeat(1_048_576 - 400 + more) },
        { id: "b", text: "z".repeat(300) },
      ]),
    ];
    for (const [at, list] of lists.entries()) {
      const { stat } = await save(world, sourceOf(at + 1, world.clock, tasks(...list)));
      const reading = await readWhole(world);
      expect(reading.sizeBytes).toBe(stat.sizeBytes);
      expect(canonicalJson(reading.collections.get("tasks"))).toBe(canonicalJson(list));
    }
  });

  it("holds entities that are no objects, and none at all", async () => {
    const world = await createWorld();
    const source = {
      ...sourceOf(1, world.clock, tasks([1], "]", null, [], "x,")),
      summary: {},
    };
    await save(world, source);
    expect((await readWhole(world)).collections.get("tasks")).toEqual([[1], "]", null, [], "x,"]);
    await save(world, { ...source, collections: [] });
    expect((await readWhole(world)).collections.size).toBe(0);
  });

  it("is verified without being parsed, and its head is read alone", async () => {
    const world = await createWorld();
    const saved = await saveAll(world, [1, 2]);
    const verified = await verifySnapshot(world.directory, "state.json");
    expect(verified).toMatchObject({ ok: true, head: { sequence: 2 }, sha256: saved?.sha256 });
    const head = await readSnapshotHead(world.directory, "state.json");
    expect(head).toMatchObject({ kind: "ours", head: { sequence: 2 } });
    expect(await readSnapshotHead(world.directory, "state.txt")).toEqual({ kind: "other" });
  });

  it("is refused before anything is touched if it could not be read back", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    const before = world.sim.callCount;
    const good = sourceOf(2, world.clock);
    const bad: SnapshotSource[] = [
      { ...good, summary: { engine: 1 } },
      { ...good, summary: { tasks: 1 } },
      { ...good, collections: [{ name: "checksum", entities: [] }] },
      { ...good, head: { ...good.head, last_saved: "yesterday" } },
      { ...good, head: { ...good.head, sequence: -1 } },
      { ...good, head: { ...good.head, schema: { ["x".repeat(70_000)]: 1 } } },
    ];
    for (const source of bad) await expect(save(world, source)).rejects.toThrow("invariant");
    expect(world.sim.callCount).toBe(before);
    expect(await namesIn(world.directory)).toEqual(["state.json"]);
  });

  it("is refused if an entity is longer than a text can be", async () => {
    const { clock } = await createWorld();
    const mebibyte = "x".repeat(1024 * 1024);
    const entity = lazyArray(Array.from({ length: 257 }, () => mebibyte));
    const consume = (): void => {
      for (const fragment of snapshotText(sourceOf(1, clock, tasks("first", entity)))) {
        expect(fragment.length).toBeLessThan(110_000);
      }
    };
    expect(consume).toThrow(/entity 1 of "tasks" is longer/);
  });
});
