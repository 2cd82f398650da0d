import { defineEntity, defineModel, validate, type StandardSchema } from "@taskwal/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { mutationsOf } from "./index.ts";

const seed = 20_263;

/** A model with one mutation, of that payload. */
const modelOf = (
  payload: StandardSchema,
  schema: z.ZodType<{ id: string }> = z.object({ id: z.string() }),
) =>
  defineModel({
    entities: {
      things: defineEntity({
        name: "thing",
        collection: "things",
        version: 1,
        schema,
        create: { "thing.made": { payload, reduce: (_, { id }) => ({ id }) } },
        change: {},
      }),
    },
  });

const sample = (payload: StandardSchema, numRuns = 100): unknown[] =>
  fc.sample(mutationsOf(modelOf(payload)), { numRuns, seed }).map((each) => each.payload);

const tree = z.object({
  name: z.string(),
  get children() {
    return z.array(tree);
  },
});

describe("mutations of a model", () => {
  test.each<[string, z.ZodType]>([
    ["strings, with and without lengths", z.object({ a: z.string().min(2).max(3), b: z.string() })],
    ["formats", z.object({ a: z.uuid(), b: z.iso.datetime(), c: z.email(), d: z.url() })],
    ["dates and times", z.object({ a: z.iso.date(), b: z.iso.time(), c: z.ipv4() })],
    ["patterns", z.object({ a: z.string().regex(/^[a-f]{2,4}-\d+$/) })],
    ["numbers in a range", z.object({ a: z.int().min(3).max(9), b: z.number().gt(0).lt(1) })],
    ["multiples", z.object({ a: z.number().multipleOf(0.5).min(-2).max(2) })],
    ["literals, enums, null", z.object({ a: z.literal("x"), b: z.enum(["p", "q"]), c: z.null() })],
    ["unions", z.union([z.object({ a: z.string() }), z.object({ b: z.boolean() })])],
    [
      "tagged unions",
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a") }),
        z.object({ kind: z.literal("b"), n: z.number() }),
      ]),
    ],
    [
      "tuples",
      z.object({ a: z.tuple([z.string(), z.number()]), b: z.tuple([z.null()], z.boolean()) }),
    ],
    ["arrays with lengths", z.object({ a: z.array(z.int()).min(2).max(3) })],
    [
      "records",
      z.object({
        a: z.record(z.string(), z.int()),
        b: z.partialRecord(z.enum(["p", "q"]), z.string()),
      }),
    ],
    [
      "fields that are optional, have a default, or may be null",
      z.object({ a: z.string().optional(), b: z.string().default("q"), c: z.string().nullable() }),
    ],
    ["intersections", z.object({ a: z.string() }).and(z.object({ b: z.number() }))],
    ["anything", z.object({ a: z.unknown() })],
    [
      "strict and loose objects",
      z.object({ a: z.strictObject({ b: z.string() }), c: z.looseObject({}) }),
    ],
    ["schemas within themselves", tree],
    ["transforms", z.object({ a: z.string().transform((text) => text.length) })],
    [
      "refinements",
      z.object({
        a: z
          .int()
          .min(0)
          .max(20)
          .refine((n) => n % 2 === 0),
      }),
    ],
  ])("have payloads of %s that the schema takes, and more than one", (_, schema) => {
    const values = sample(schema);
    for (const value of values) expect(validate(schema, value)).toMatchObject({ ok: true });
    expect(new Set(values.map((value) => JSON.stringify(value))).size).toBeGreaterThan(1);
  });

  test("reach both sides of what is optional, and every branch of a union", () => {
    const schema = z.object({
      a: z.string().optional(),
      b: z.union([z.literal(1), z.literal(2), z.null()]),
      c: z.array(z.boolean()),
    });
    const values = sample(schema) as z.infer<typeof schema>[];
    expect(new Set(values.map((value) => "a" in value)).size).toBe(2);
    expect(new Set(values.map(({ b }) => b)).size).toBe(3);
    expect(new Set(values.map(({ c }) => c.length)).size).toBeGreaterThan(3);
  });

  test("reach the depth of a schema within itself, and end", () => {
    const deep = JSON.stringify(sample(tree)).match(/children/g)?.length ?? 0;
    expect(deep).toBeGreaterThan(100);
  });

  test("shrink to the least payload", () => {
    const arbitrary = mutationsOf(modelOf(z.object({ text: z.string(), n: z.int().min(3) })));
    const { counterexample } = fc.check(
      fc.property(arbitrary, () => false),
      { seed },
    );
    expect(counterexample).toEqual([{ type: "thing.made", id: "a", payload: { text: "", n: 3 } }]);
  });

  test("have ids as the entity's schema wants them", () => {
    const id = z.uuid();
    const mutations = fc.sample(mutationsOf(modelOf(z.object({}), z.object({ id }))), { seed });
    for (const mutation of mutations) expect(id.safeParse(mutation.id).success).toBe(true);
    expect(new Set(mutations.map((each) => each.id)).size).toBe(3);
  });

  test("bring in an entity under its own id, where the payload carries one", () => {
    const model = modelOf(z.object({ id: z.string(), text: z.string() }));
    for (const { id, payload } of fc.sample(mutationsOf(model), { seed })) {
      expect(payload).toMatchObject({ id });
    }
  });

  test("take the user's arbitrary where one is given, and its fast-check", () => {
    const arbitraries = { "thing.made": fc.constantFrom({ at: "noon" }, { at: 7 }) };
    const model = modelOf(z.object({ at: z.string() }));
    const mutations = fc.sample(mutationsOf(model, { arbitraries, fc }), { seed });
    for (const { payload } of mutations) expect(payload).toEqual({ at: "noon" });
  });
});

describe("a type for which an arbitrary is needed is named", () => {
  const needs = 'no payload can be derived for thing.made: give arbitraries["thing.made"]';
  const foreign: StandardSchema<unknown, { readonly at: Date }> = {
    "~standard": {
      version: 1,
      vendor: "homemade",
      validate: (value) => ({ value: value as { at: Date } }),
    },
  };

  test.each<[string, StandardSchema, string]>([
    [
      "a schema without a JSON Schema",
      foreign,
      "a homemade schema without a JSON Schema of its own",
    ],
    ["a value that JSON has not", z.object({ at: z.date() }), "Date cannot be represented"],
    ["no value at all", z.object({ at: z.never() }), "its JSON Schema has no value"],
  ])("for %s", (_, payload, why) => {
    expect(() => mutationsOf(modelOf(payload))).toThrow(needs);
    expect(() => mutationsOf(modelOf(payload))).toThrow(why);
  });

  test("for a check of the schema that next to no value passes", () => {
    const payload = z.object({ a: z.string().refine((text) => text === "open sesame") });
    expect(() => sample(payload, 1)).toThrow(
      'the schema refused 2000 values in a row of what is derived for thing.made: give arbitraries["thing.made"] whose values it takes',
    );
  });

  test("for an arbitrary that is given and never fits, and for a type that is none of the model's", () => {
    const model = modelOf(z.object({ a: z.string() }));
    const wrong = mutationsOf(model, { arbitraries: { "thing.made": fc.constant({ a: 1 }) } });
    expect(() => fc.sample(wrong, 1)).toThrow("of the arbitrary given for thing.made");
    expect(() => mutationsOf(model, { arbitraries: { "thing.mad": fc.constant({}) } })).toThrow(
      'an arbitrary is given for "thing.mad", which is no mutation of the model',
    );
  });
});
