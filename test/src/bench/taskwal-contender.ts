/** Ours, through the public `mutate`: schema, reducer and encoding are within the measured time. */
import { join } from "node:path";
import { entityId, type Contender } from "./contender.ts";
import { openItems } from "./item-model.ts";

export const taskwalContender: Contender = {
  name: "taskwal",
  async open(dir, callers) {
    const store = await openItems(join(dir, "state"));
    const ids = Array.from({ length: callers }, (_, caller) => entityId(caller));
    await Promise.all(ids.map((id) => store.items.mutate(id, "item.created", { text: "" })));
    return {
      append: (caller, { value }) => store.items.mutate(ids[caller] ?? "", "item.changed", value),
      close: () => store.close(),
    };
  },
};
