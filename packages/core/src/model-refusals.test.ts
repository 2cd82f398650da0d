import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineEntity, type EntityDefinition, type MutationMeta } from "./define-entity.ts";
import { defineModel, type EntityDefinitions } from "./define-model.ts";
import { validate, type StandardSchema } from "./standard-schema.ts";

const Line = z.object({ text: z.string() });
const Empty = z.object({});

/** A good declaration with some parts replaced, types ignored: what a JavaScript caller may write. */
const declareThing = (parts: object = {}): EntityDefinition =>
  defineEntity({
    name: "thing",
    collection: "things",
    version: 1,
    schema: z.object({ id: z.string() }),
    create: {
      "thing.made": {
        payload: Empty,
        reduce: (_payload: object, { id }: MutationMeta) => ({ id }),
      },
    },
    change: {},
    ...parts,
  });
const change = (type: string, parts: object = {}): object => ({
  change: { [type]: { payload: Empty, reduce: (entity: unknown) => entity, ...parts } },
});

const lists = { lines: Line };
const step = (old: unknown): unknown => old;
const tooLong = `thing.${"ä".repeat(300)}`;

describe("a declaration is refused with one sentence", () => {
  it.each<[string, object, string]>([
    ["an empty type", change(""), "a mutation type is empty"],
    ["a type of the engine", change("$thing.x"), 'the mutation type "$thing.x" begins with "$"'],
    ["a type without a dot", change("touched"), 'the mutation type "touched" has no "."'],
    ["a type that is too long", change(tooLong), "has 606 bytes, over 512"],
    ["a type twice", change("thing.made"), '"thing.made" is declared twice'],
    ["a type of a list", { ...change("thing.lines.appended"), lists }, "is declared twice"],
    ["no payload", change("thing.x", { payload: {} }), "the payload of thing.x has no schema"],
    ["no reducer", change("thing.x", { reduce: 1 }), 'thing.x has no function "reduce"'],
    ["an empty name", { name: "" }, 'the entity name "" is not a letter followed by'],
    ["a name with a dot", { name: "a.b" }, 'the entity name "a.b" is not'],
    ["no schema", { schema: undefined }, "the entity thing has no schema"],
    ["a key of state.json", { collection: "last_saved" }, "has the name of a key of state.json"],
    ["a folder", { collection: "wal" }, "has the name of a folder of the state directory"],
    ["a folder in capitals", { collection: "Reports" }, "has the name of a folder"],
    ["a collection with a path", { collection: "../x" }, 'the collection "../x" is not'],
    ["a list named id", { lists: { id: Line } }, 'the list "id" of thing has the name of a field'],
    ["a list with a dot", { lists: { "a.b": Line } }, 'the list of thing "a.b" is not'],
    ["a list without schema", { lists: { lines: {} } }, "the list lines of thing has no schema"],
  ])("%s", (_what, parts, sentence) => {
    expect(() => declareThing(parts)).toThrow(TypeError);
    expect(() => declareThing(parts)).toThrow(sentence);
  });

  it.each<[string, object, string]>([
    ["version 0", { version: 0 }, "the version of the entity thing is 0, not a positive integer"],
    ["half a version", change("thing.x", { version: 1.5 }), "the payload of thing.x is 1.5, not"],
    ["no migration", { version: 2 }, "thing is at version 2 but has no step from version 1"],
    ["a gap", { version: 3, migrate: { 1: step } }, "has no step from version 2"],
    ["a gap", change("thing.x", { version: 3, upcast: { 2: step } }), "no step from version 1"],
    ["a step too many", { migrate: { 1: step } }, "has no use for a step from 1"],
    ["an odd step", { version: 2, migrate: { 1: step, x: step } }, "no use for a step from x"],
    ["no function", { version: 2, migrate: { 1: {} } }, "has no step from version 1"],
  ])("in its versions: %s", (_what, parts, sentence) => {
    expect(() => declareThing(parts)).toThrow(TypeError);
    expect(() => declareThing(parts)).toThrow(sentence);
  });

  const thing = declareThing();
  const other = (parts: object): EntityDefinitions => ({
    a: thing,
    b: declareThing({ name: "other", collection: "others", ...parts }),
  });
  it.each<[string, EntityDefinitions, string]>([
    ["an entity twice", other({ name: "thing" }), 'the entity name "thing" is used twice'],
    ["a collection twice", other({ collection: "Things" }), '"things" is used twice'],
    ["a type twice", other({}), 'the mutation type "thing.made" is used twice'],
    ["a method", { mutate: thing }, '"mutate" has the name of a member of the store'],
    ["a promise's method", { catch: thing }, 'the entity key "catch" has'],
    ["no name", { "my-things": thing }, 'the entity key "my-things" is not a letter followed by'],
  ])("in a model: %s", (_what, entities, sentence) => {
    expect(() => defineModel({ entities })).toThrow(TypeError);
    expect(() => defineModel({ entities })).toThrow(sentence);
  });
});

const standard = (one: StandardSchema["~standard"]["validate"]): StandardSchema => ({
  "~standard": { version: 1, vendor: "hand-made", validate: one },
});

describe("a schema of another library", () => {
  it("works if it is a Standard Schema, with segments and symbols in paths made plain", () => {
    expect(
      validate(
        standard((value) => ({ value: [value] })),
        "x",
      ),
    ).toEqual({ ok: true, value: ["x"] });
    const path = [{ key: "a" }, 0, Symbol("s")];
    const strict = standard(() => ({ issues: [{ message: "no", path }, { message: "nor" }] }));
    expect(validate(strict, "x")).toEqual({
      ok: false,
      issues: [{ message: "no", path: ["a", 0, "Symbol(s)"] }, { message: "nor" }],
    });
  });

  it("is refused if it answers with a promise, whose rejection harms nobody", async () => {
    const later = standard(() => Promise.reject(new Error("later")));
    expect(() => validate(later, "x")).toThrow(TypeError);
    expect(() => validate(later, "x")).toThrow("the hand-made schema answered with a promise");
    const asynchronous = z.string().refine(async () => true);
    expect(() => validate(asynchronous, "x")).toThrow("the zod schema answered with a promise");
    await new Promise((resolve) => setImmediate(resolve));
  });
});
