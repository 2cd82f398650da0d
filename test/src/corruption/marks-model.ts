/**
 * A model whose state tells which mutations made it: each leaves its own mark.
 *
 *     page.opened {mark} ─> { id, marks: [1] } ─ page.marked {mark} ─> { id, marks: [1, 4] } ─ page.closed ─> gone
 *                                               └ lines.appended {mark} ─> lines: [{ mark: 5 }]
 *
 * The rule: marks are never repeated, so an entity says by value what of its history is in it.
 */
import { defineEntity, defineModel } from "taskwal";
import { z } from "zod";

const Marked = z.object({ mark: z.number() });

const page = defineEntity({
  name: "page",
  collection: "pages",
  version: 1,
  schema: z.object({ id: z.string(), marks: z.array(z.number()) }),
  lists: { lines: Marked },
  create: {
    "page.opened": { payload: Marked, reduce: ({ mark }, { id }) => ({ id, marks: [mark] }) },
  },
  change: {
    "page.marked": {
      payload: Marked,
      reduce: (before, { mark }) => ({ ...before, marks: [...before.marks, mark] }),
    },
    "page.closed": { payload: Marked, reduce: () => undefined },
  },
});

export const marksModel = defineModel({ entities: { pages: page } });
