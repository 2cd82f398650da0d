import { rmSync } from "node:fs";
import { defineEntity, defineModel, openStore } from "@taskwal/core";
import { taskModel } from "@taskwal/tasks";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { BrokenModelError, checkModel, type CheckOptions } from "./index.ts";
import type { AnyModel } from "./open-run.ts";
import type { ModelSource } from "./run-plan.ts";

const seed = 20_261;
const left: string[] = [];
afterEach(() => {
  for (const dir of left.splice(0)) rmSync(dir, { recursive: true, force: true });
});

interface Note {
  readonly id: string;
  readonly title: string;
  readonly pinned?: boolean;
}
type Change = (note: Note, payload: { title: string }) => Note | undefined;

/** A model of notes, sound but for what is given. */
const noteModel = ({
  rename = (note, { title }) => ({ ...note, title }),
  create = ({ title }, id) => ({ id, title }),
}: {
  rename?: Change;
  create?: (payload: { title: string }, id: string) => Note;
} = {}) =>
  defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version: 1,
        schema: z.object({
          id: z.string(),
          title: z.string(),
          pinned: z.boolean().exactOptional(),
        }),
        lists: { lines: z.object({ text: z.string() }) },
        create: {
          "note.created": {
            payload: z.object({ title: z.string() }),
            reduce: (payload, { id }) => create(payload, id),
          },
        },
        change: {
          "note.renamed": {
            payload: z.object({ title: z.string() }),
            reduce: (note, payload) => rename(note, payload),
          },
          "note.deleted": { payload: z.object({}), reduce: () => undefined },
        },
      }),
    },
  });

const broken = async (
  model: AnyModel | ModelSource,
  options: CheckOptions = {},
): Promise<BrokenModelError> => {
  const error: unknown = await checkModel(model, { seed, ...options }).then(
    () => new Error("the check found nothing"),
    (failure: unknown) => failure,
  );
  if (!(error instanceof BrokenModelError)) throw error;
  left.push(error.dir);
  return error;
};

describe("a sound model passes", () => {
  test("of notes with a list, and every mutation was applied and refused, every run recovered", async () => {
    const report = await checkModel(noteModel(), { seed, runs: 20 });
    const types = ["note.created", "note.renamed", "note.deleted", "note.lines.appended"];
    expect(Object.keys(report.applied).toSorted()).toEqual(types.toSorted());
    expect(Object.keys(report.refused).toSorted()).toEqual(types.toSorted());
    expect(report.recoveries).toBeGreaterThan(4 * 20);
    expect(report).toMatchObject({ seed, runs: 20 });
  });

  test("the ready task model, whose payloads all come from its schemas", async () => {
    const report = await checkModel(taskModel, { seed, runs: 20, fc });
    expect(Object.keys(report.applied)).toHaveLength(taskModel.mutations.size);
  });
});

describe("what a failed check says", () => {
  const dice: Change = (note) => ({ ...note, title: String(Math.random()) });

  test("is enough to see it again: the seed and the path lead to the same least run", async () => {
    const model = noteModel({ rename: dice });
    const { seed: found, path, counterexample } = await broken(model);
    const again = await broken(model, { seed: found, path });
    expect(again.counterexample).toEqual(counterexample);
    expect(again.message).toContain(`{ seed: ${found}, path: "${again.path}" }`);
  });

  test("leaves the run in a directory that opens, with the records that it wrote", async () => {
    const model = noteModel({ rename: dice });
    const { dir } = await broken(model);
    const store = await openStore({ dir, model });
    const types: string[] = [];
    for await (const { type } of store.records()) types.push(type);
    expect(types.filter((type) => !type.startsWith("$"))).toEqual(["note.created", "note.renamed"]);
    expect(store.recovery.lost).toEqual([]);
    expect(store.notes.get("a")?.title).toMatch(/^0\./);
    await store.close();
  });

  test("is a pass only of what was tried: a mutation that is always refused is named", async () => {
    const rename: Change = () => {
      throw new RangeError("never");
    };
    await expect(checkModel(noteModel({ rename }), { seed, runs: 20 })).rejects.toThrow(
      /^note\.renamed was never applied in 20 runs, and refused \d+ times: give arbitraries\["note\.renamed"\]/,
    );
  });
});

describe("a reducer that breaks the law is caught by its least run", () => {
  const created = { kind: "mutate", type: "note.created", id: "a", payload: { title: "" } };
  const renamed = { ...created, type: "note.renamed" };

  test("one that rolls dice", async () => {
    const model = noteModel({ rename: (note) => ({ ...note, title: String(Math.random()) }) });
    const error = await broken(model);
    expect(error.invariant).toBe("a reducer gives the same from the same");
    expect(error.counterexample).toEqual([created, renamed]);
    expect(error.message).toContain("note.renamed a");
    expect(error.message).toContain(error.dir);
  });

  test("one that reads the clock, also as new Date()", async () => {
    for (const now of [() => Date.now(), () => new Date().getTime(), () => performance.now()]) {
      const model = noteModel({ create: (_, id) => ({ id, title: String(now()) }) });
      const error = await broken(model);
      expect(error.invariant).toBe("a reducer gives the same from the same");
      expect(error.counterexample).toEqual([created]);
    }
  });

  test("one that changes what it is given", async () => {
    const model = noteModel({
      rename: (note, { title }) => Object.assign(note, { title: `${title}!` }),
    });
    const error = await broken(model);
    expect(error.invariant).toBe("a reducer changes nothing that it is given");
    expect(error.counterexample).toEqual([created, renamed]);
  });

  test.each<[string, Change, string]>([
    ["NaN", (note) => ({ ...note, size: NaN }), "is NaN"],
    ["a Date", (note) => ({ ...note, at: new Date(0) }), "is a Date"],
    ["undefined in an array", (note) => ({ ...note, tags: [undefined] }), "is undefined"],
    [
      "a frozen object with an undefined field",
      (note) => Object.freeze({ ...note, pinned: undefined }) as unknown as Note,
      "undefined",
    ],
  ])("one that returns %s", async (_, rename, reason) => {
    const error = await broken(noteModel({ rename }));
    expect(error.invariant).toBe("what a reducer returns is JSON");
    expect(error.message).toContain(reason);
    expect(error.counterexample).toEqual([created, renamed]);
  });

  test("one that leaves a field undefined which the schema needs", async () => {
    const model = noteModel({
      rename: (note) => ({ ...note, title: undefined }) as unknown as Note,
    });
    const error = await broken(model);
    expect(error.invariant).toBe("what a reducer returns fits the entity's schema");
    expect(error.counterexample).toEqual([created, renamed]);
  });

  test("one that returns another id", async () => {
    const error = await broken(noteModel({ rename: (note) => ({ ...note, id: "other" }) }));
    expect(error.invariant).toBe("a reducer returns an entity with its id, without its lists");
  });

  test("one that goes by the order in which fields were set", async () => {
    const rename: Change = (note) => ({ ...note, title: Object.keys(note)[0] ?? "" });
    const error = await broken(noteModel({ rename }));
    expect(error.invariant).toBe("a reducer gives the same from the same");
    expect(error.message).toContain("another order");
    expect(error.counterexample).toEqual([created, renamed]);
  });

  test("one that counts in its module", async () => {
    let count = 0;
    const error = await broken(noteModel({ create: (_, id) => ({ id, title: `${++count}` }) }));
    expect(error.invariant).toBe("a reducer gives the same from the same");
    expect(error.counterexample).toEqual([created]);
  });

  test("one that goes by what its module has seen before, if each opening gets a module of its own", async () => {
    const fresh = () => {
      const seen = new Map<string, number>();
      return noteModel({
        rename: (note) => {
          const place = seen.get(note.id) ?? seen.size;
          seen.set(note.id, place);
          return { ...note, title: `the ${place}th` };
        },
      });
    };
    const error = await broken(fresh, {
      // Nothing to shrink but the run itself.
      arbitraries: {
        "note.created": fc.constant({ title: "" }),
        "note.renamed": fc.constant({ title: "" }),
        "note.lines.appended": fc.constant({ text: "" }),
      },
    });
    expect([
      "the state that is recovered is the live state",
      "the live state is what its mutations make of it",
    ]).toContain(error.invariant);
    // Two entities that are renamed, and a snapshot or a removal which hides the first from a replay.
    expect(error.counterexample.length).toBeLessThanOrEqual(7);
  });

  test("one that refuses what it took before", async () => {
    let count = 0;
    const rename: Change = (note) => {
      if (++count % 2 === 0) throw new RangeError("not again");
      return note;
    };
    const error = await broken(noteModel({ rename }));
    expect(error.counterexample).toEqual([created, renamed]);
  });
});
