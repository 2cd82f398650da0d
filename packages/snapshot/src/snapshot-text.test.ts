/** A source as text: what is refused before a valid state.json is replaced, and where the commas stand. */
import { describe, expect, it } from "vitest";
import { lazyArray, type JsonPiece } from "./json-piece.ts";
import { sourceOf, createWorld } from "./sample-snapshot.test.ts";
import { headBytesMax, headLine, type SnapshotSource } from "./snapshot-format.ts";
import { assertSource, snapshotText } from "./snapshot-text.ts";

const { clock } = await createWorld();

const source = (changes: Partial<SnapshotSource> = {}): SnapshotSource => ({
  ...sourceOf(1, clock),
  ...changes,
});

const withHead = (changes: Partial<SnapshotSource["head"]>): SnapshotSource =>
  source({ head: { ...source().head, ...changes } });

describe("a source", () => {
  it("may have a head that fills its line, and none that is a byte longer", () => {
    const lengthOf = (store: string): number =>
      Buffer.byteLength(headLine(withHead({ store }).head));
    // In bytes, not in characters.
    const longest = "é".repeat(10) + "s".repeat(headBytesMax - lengthOf("é".repeat(10)));
    expect(lengthOf(longest)).toBe(headBytesMax);
    assertSource(withHead({ store: longest }));
    expect(() => assertSource(withHead({ store: `${longest}s` }))).toThrow(
      "a snapshot's head has at most 65536 bytes",
    );
  });

  it("is refused where its head could not be read back, or its keys not told apart", () => {
    expect(() => assertSource(withHead({ last_saved: "yesterday" }))).toThrow(
      "a snapshot's head can be read back",
    );
    expect(() => assertSource(source({ summary: { sequence: 1 } }))).toThrow(
      '"sequence" is no key of a snapshot',
    );
    const tasks = { name: "tasks", entities: [] };
    expect(() => assertSource(source({ collections: [{ ...tasks, name: "engine" }] }))).toThrow(
      '"engine" is no key of a snapshot',
    );
    for (const twice of [
      source({ collections: [tasks, tasks] }),
      source({ summary: { tasks: 1 }, collections: [tasks] }),
    ]) {
      expect(() => assertSource(twice)).toThrow("the keys of a snapshot differ");
    }
    assertSource(source({ collections: [tasks, { ...tasks, name: "others" }] }));
  });

  it("becomes one line per part and per entity, with a comma behind each but the last entity", () => {
    const text = (entities: readonly JsonPiece[]): string => {
      const collections = [{ name: 'a"b', entities }];
      return [...snapshotText(source({ summary: { m: {} }, collections, engine: 7 }))].join("");
    };
    const head = headLine(source().head);
    expect(text([])).toBe(`${head}"m":{},\n"a\\"b":[\n],\n"engine":7,\n`);
    expect(text([1])).toBe(`${head}"m":{},\n"a\\"b":[\n1\n],\n"engine":7,\n`);
    expect(text([1, {}, 3])).toBe(`${head}"m":{},\n"a\\"b":[\n1,\n{},\n3\n],\n"engine":7,\n`);
  });
});

describe("a part that no text could hold", () => {
  // No memory holds all of it at once: what is counted is thrown away.
  const chunk = "x".repeat(16 * 1024 - 4);
  function* chunks(): Generator<JsonPiece> {
    for (;;) yield chunk;
  }
  const endless = (): JsonPiece => lazyArray(chunks());

  const errorOf = (broken: SnapshotSource): { readonly error: unknown; readonly chars: number } => {
    let chars = 0;
    try {
      for (const fragment of snapshotText(broken)) chars += fragment.length;
    } catch (error) {
      return { error, chars };
    }
    return expect.fail("it was written");
  };

  it("is named, before more of it is written than a line may have", () => {
    const cases: readonly (readonly [Partial<SnapshotSource>, string])[] = [
      [{ summary: { metrics: endless() as never } }, '"metrics"'],
      [{ collections: [{ name: "tasks", entities: [1, 2, endless()] }] }, 'entity 2 of "tasks"'],
      [{ engine: endless() }, "the engine's part"],
    ];
    for (const [parts, whose] of cases) {
      const { error, chars } = errorOf(source(parts));
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toContain(`${whose} is longer than 268435456 characters`);
      expect(chars).toBeLessThanOrEqual(256 * 1024 * 1024);
    }
  });
});
