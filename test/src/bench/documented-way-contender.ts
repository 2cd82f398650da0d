/** The documented way of the orchestrator that is replaced, as a contender: a change of a task, one caller. */
import { entityId, type Contender } from "./contender.ts";
import { DocumentedWay } from "./documented-way.ts";

export const documentedWayContender: Contender = {
  name: "the documented way: task file, backup, state.json",
  weaker: "keeps no history, and no more than one caller may be at work",
  async open(dir) {
    const way = new DocumentedWay(dir);
    return {
      append: async (caller, { json }) => {
        const id = entityId(caller);
        await way.saveTask(id, json);
        await way.saveState(`{"tasks":[${json}],"sessions":[]}`);
      },
      close: () => {},
    };
  },
};
