/** The model that is measured where no tasks are: items with a text, with schemas and a reducer as any program has. */
import { defineEntity, defineModel, openStore, type OpenOptions, type StoreOf } from "taskwal";
import { z } from "zod";

const text = z.object({ text: z.string() });

const item = defineEntity({
  name: "item",
  collection: "items",
  version: 1,
  schema: z.object({ id: z.string(), text: z.string() }),
  lists: { lines: text },
  create: { "item.created": { payload: text, reduce: ({ text }, { id }) => ({ id, text }) } },
  change: {
    "item.changed": { payload: text, reduce: (item, { text }) => ({ ...item, text }) },
  },
});

export const itemModel = defineModel({ entities: { items: item } });
export type ItemStore = StoreOf<typeof itemModel>;

/** No peer writes files for people, so none are written here; durability is what the store does by default. */
export const openItems = (
  dir: string,
  options: Partial<OpenOptions<typeof itemModel>> = {},
): Promise<ItemStore> => openStore({ dir, model: itemModel, mirrors: false, ...options });
