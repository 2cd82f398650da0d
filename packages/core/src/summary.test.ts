/** What a model derives for state.json: `metrics` and the like. */
import { createSimDisk } from "@taskwal/disk/sim";
import type { JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineEntity } from "./define-entity.ts";
import { defineModel } from "./define-model.ts";
import { assertSummary, summarize } from "./summary.ts";

const notes = defineEntity({
  name: "note",
  collection: "notes",
  version: 1,
  schema: z.object({ id: z.string() }),
  lists: {},
  create: { "note.added": { payload: z.object({}), reduce: (_payload, { id }) => ({ id }) } },
  change: {},
});
const all: JsonValue & object = { id: "a" };
const views = { notes: { get: () => undefined, all: () => [all, all] } };
const { clock } = createSimDisk();

describe("the summary", () => {
  it("makes top-level keys of state.json from views", async () => {
    const counted = defineModel({
      entities: { notes },
      summary: (views) => ({ metrics: { total: [...views.notes.all()].length } }),
    });
    expect(await summarize(counted.summary, views, clock)).toEqual({ metrics: { total: 2 } });
    expect(await summarize(defineModel({ entities: { notes } }).summary, views, clock)).toEqual({});
  });

  it("may be a generator: at its yields others have their turn, once it has held the event loop for long", async () => {
    const sim = createSimDisk();
    const turns: string[] = [];
    const counted = defineModel({
      entities: { notes },
      *summary({ notes }) {
        let total = 0;
        for (const _note of notes.all()) {
          total += 1;
          sim.clock.advance(2);
          yield;
          turns.push(`after ${total}`);
        }
        return { metrics: { total } };
      },
    });
    setImmediate(() => turns.push("others"));
    expect(await summarize(counted.summary, views, sim.clock)).toEqual({ metrics: { total: 2 } });
    expect(turns).toEqual(["after 1", "others", "after 2"]);
  });

  it.each<[string, object, string]>([
    ["a key of the engine", { checksum: "x" }, 'has a key "checksum", which state.json uses'],
    ["a collection", { notes: [] }, 'has a key "notes", which state.json uses'],
    ["no JSON", { metrics: { average: Number.NaN } }, "gave no JSON: $.metrics.average is NaN"],
    ["no object", [1], "gave no object of keys"],
  ])("is refused with %s, by the opening too", async (_what, result, message) => {
    const odd = defineModel({ entities: { notes }, summary: () => result });
    const asGenerator = defineModel({
      entities: { notes },
      // oxlint-disable-next-line require-yield -- it has nothing to do in between
      *summary() {
        return result;
      },
    });
    for (const { summary } of [odd, asGenerator]) {
      await expect(summarize(summary, views, clock)).rejects.toThrow(message);
      expect(() => assertSummary(summary, ["notes"])).toThrow(message);
      expect(() => assertSummary(summary, ["notes"])).toThrow(TypeError);
    }
  });
});
