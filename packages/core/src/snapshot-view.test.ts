import { createSimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineEntity } from "./define-entity.ts";
import { defineModel } from "./define-model.ts";
import { RecentKeys } from "./idempotency.ts";
import { digestInTurns, digestState, viewState } from "./snapshot-view.ts";
import { State } from "./state.ts";

it("a digest is the same with turns for others, which it gives every few hundred entities", async () => {
  const note = defineEntity({
    name: "note",
    collection: "notes",
    version: 1,
    schema: z.looseObject({ id: z.string() }),
    create: {},
    change: {},
  });
  const model = defineModel({ entities: { notes: note } });
  const state = new State(model);
  for (const entity of model.entities.values()) {
    for (let at = 0; at < 2_000; at += 1) {
      const id = `${at}`;
      state.restore(entity, id, { value: { id }, n: 1, lists: undefined, damage: undefined });
    }
  }
  const view = viewState(model, state, new RecentKeys());
  const { clock } = createSimDisk().process();
  let turns = 0;
  const counted = {
    ...clock,
    yield: async (): Promise<void> => {
      turns += 1;
      await Promise.resolve();
    },
  };
  expect(await digestInTurns(view, counted)).toBe(digestState(view));
  expect(turns).toBe(8);
});
