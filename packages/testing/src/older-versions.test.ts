import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { defineEntity, defineModel, openStore } from "@taskwal/core";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { BrokenModelError, checkModel, type CheckOptions } from "./index.ts";

const seed = 20_262;
const left: string[] = [];
afterEach(() => {
  for (const dir of left.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** As it was: a note had a name. */
const firstModel = defineModel({
  entities: {
    notes: defineEntity({
      name: "note",
      collection: "notes",
      version: 1,
      schema: z.object({ id: z.string(), name: z.string() }),
      create: {
        "note.created": {
          payload: z.object({ name: z.string() }),
          reduce: ({ name }, { id }) => ({ id, name }),
        },
      },
      change: {
        "note.renamed": {
          payload: z.object({ name: z.string() }),
          reduce: (note, { name }) => ({ ...note, name }),
        },
      },
    }),
  },
});

interface Old {
  readonly id: string;
  readonly name: string;
}

/** As it is: a note has a title, and may be pinned. */
const secondModel = ({
  upcast = ({ name }) => ({ title: name }),
  migrate = ({ id, name }) => ({ id, title: name, pinned: false }),
}: {
  upcast?: (old: Old) => unknown;
  migrate?: (old: Old) => unknown;
} = {}) =>
  defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version: 2,
        schema: z.object({ id: z.string(), title: z.string(), pinned: z.boolean() }),
        migrate: { 1: migrate },
        create: {
          "note.created": {
            payload: z.object({ title: z.string() }),
            version: 2,
            upcast: { 1: ({ name }: Old) => ({ title: name }) },
            reduce: ({ title }, { id }) => ({ id, title, pinned: false }),
          },
        },
        change: {
          "note.renamed": {
            payload: z.object({ title: z.string() }),
            version: 2,
            upcast: { 1: upcast },
            reduce: (note, { title }) => ({ ...note, title }),
          },
        },
      }),
    },
  });

const samples = {
  "note.created": { 1: [{ name: "x" }] },
  "note.renamed": { 1: [{ name: "x" }, { name: "" }] },
  note: { 1: fc.record({ id: fc.constantFrom("a", "b"), name: fc.string() }) },
};

const broken = async (
  model: ReturnType<typeof secondModel>,
  options: CheckOptions,
): Promise<BrokenModelError> => {
  const error: unknown = await checkModel(model, { seed, runs: 40, ...options }).then(
    () => new Error("the check found nothing"),
    (failure: unknown) => failure,
  );
  if (!(error instanceof BrokenModelError)) throw error;
  left.push(error.dir);
  return error;
};

describe("a model with steps from an older version", () => {
  test("passes with samples and arbitraries of that version", async () => {
    const report = await checkModel(secondModel(), { seed, runs: 10, old: samples });
    expect(report.applied["note.renamed"]).toBeGreaterThan(0);
  });

  test("passes with the older model, whose stores read as if today's had written them", async () => {
    const report = await checkModel(secondModel(), { seed, runs: 20, previous: [firstModel] });
    expect(report.applied["note.renamed"]).toBeGreaterThan(0);
  });

  test("is not passed over without either: the step is named", async () => {
    const { note, ...payloads } = samples;
    await expect(checkModel(secondModel(), { seed })).rejects.toThrow(
      /^note\.created has a step from version 1: give payloads of that version in old\["note.created"\]\[1\]/,
    );
    await expect(checkModel(secondModel(), { seed, old: payloads })).rejects.toThrow(
      /^note has a step from version 1: give entities/,
    );
    const strange = { ...payloads, note: { ...note, 2: [] } };
    await expect(checkModel(secondModel(), { seed, old: strange })).rejects.toThrow(
      'old["note"][2] is given, and the model has no step from there',
    );
  });

  test("whose upcaster throws is caught, and the record it throws on is left in a log", async () => {
    const upcast = ({ name }: Old): unknown => {
      if (name === "") throw new RangeError("a note has a name");
      return { title: name };
    };
    const model = secondModel({ upcast });
    const error = await broken(model, { old: samples });
    expect(error.invariant).toBe("an upcaster takes every value of its version");
    expect(error.counterexample).toEqual([
      { kind: "old", what: "note.renamed", version: 1, value: { name: "" } },
    ]);
    expect(error.cause).toBeInstanceOf(RangeError);
    const [segment = ""] = readdirSync(join(error.dir, "wal")).filter((one) =>
      one.endsWith(".jsonl"),
    );
    expect(readFileSync(join(error.dir, "wal", segment), "utf8")).toContain('"data":{"name":""}');
    // Today's model stops at that very record.
    await expect(openStore({ dir: error.dir, model, mirrors: false })).rejects.toMatchObject({
      code: "REPLAY_FAILED",
      type: "note.renamed",
    });
  });

  test("whose migration drops a field is caught, and the entity it drops it of is left in state.json", async () => {
    const model = secondModel({ migrate: ({ id, name }) => ({ id, title: name }) });
    const error = await broken(model, { old: samples });
    expect(error.invariant).toBe("what a migration returns fits today's schema");
    expect(error.message).toContain("pinned");
    expect(error.counterexample).toEqual([
      { kind: "old", what: "note", version: 1, value: { id: "a", name: "" } },
    ]);
    const saved: unknown = JSON.parse(readFileSync(join(error.dir, "state.json"), "utf8"));
    expect(saved).toMatchObject({ schema: { note: 1 }, notes: [{ id: "a", name: "" }] });
    const opening = openStore({ dir: error.dir, model, mirrors: false });
    await expect(opening).rejects.toMatchObject({ code: "REPLAY_FAILED", id: "a", path: "pinned" });
  });

  test.each<[string, (old: Old) => unknown, string]>([
    [
      "rolls dice",
      () => ({ title: String(Math.random()) }),
      "an upcaster gives the same from the same",
    ],
    [
      "changes what it is given",
      (old) => Object.assign(old, { title: "" }),
      "an upcaster changes nothing that it is given",
    ],
    [
      "returns what is no payload",
      () => ({ title: 1 }),
      "what an upcaster returns fits today's schema",
    ],
  ])("whose upcaster %s is caught", async (_, upcast, invariant) => {
    expect((await broken(secondModel({ upcast }), { old: samples })).invariant).toBe(invariant);
  });

  test("whose migration and upcaster disagree is caught by the older model's least run", async () => {
    // Each alone is sound: only together they make two states of one log.
    const model = secondModel({ upcast: ({ name }) => ({ title: name.slice(0, 3) }) });
    const error = await broken(model, { previous: [firstModel], old: { note: samples.note } });
    expect(error.invariant).toBe("migrate ∘ fold_old = fold_new ∘ upcast");
    expect(error.counterexample.map((step) => step.kind === "mutate" && step.type)).toEqual([
      "note.created",
      "note.renamed",
    ]);
    expect(existsSync(join(error.dir, "wal"))).toBe(true);
  });
});
