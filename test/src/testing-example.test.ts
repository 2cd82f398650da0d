import { defineEntity, defineModel } from "taskwal";
import { checkModel } from "taskwal/testing";
import { test } from "vitest";
import { z } from "zod";

const note = defineEntity({
  name: "note",
  collection: "notes",
  version: 1,
  schema: z.object({ id: z.string(), title: z.string(), edits: z.int() }),
  create: {
    "note.created": {
      payload: z.object({ title: z.string() }),
      reduce: ({ title }, { id }) => ({ id, title, edits: 0 }),
    },
  },
  change: {
    "note.renamed": {
      // Version 1 had a name, and logs still have it.
      payload: z.object({ title: z.string().min(1) }),
      version: 2,
      upcast: { 1: ({ name }: { name: string }) => ({ title: name || "untitled" }) },
      reduce: (before, { title }) => ({ ...before, title, edits: before.edits + 1 }),
    },
    "note.deleted": { payload: z.object({}), reduce: () => undefined },
  },
});

test("the model of notes keeps the law that replay rests on", async () => {
  const model = defineModel({ entities: { notes: note } });
  await checkModel(model, {
    runs: 25,
    // As recorded by version 1; an arbitrary of fast-check, or the model of that time in `previous`, do too.
    old: { "note.renamed": { 1: [{ name: "groceries" }, { name: "" }] } },
  });
});
