/**
 * A task that lost mutations, and that its caller hands in as a whole, or deletes: nothing of the loss is left.
 *
 * The rule: the damage is accepted by a record of its own before the save; a save that brings a state forward accepts none.
 */
import type { RecoveryReport } from "@taskwal/core";
import type { TaskStore } from "@taskwal/tasks";

/** By the opening that found them, without those that were accepted since: `store.damaged` looks at every task. */
const damaged = new WeakMap<RecoveryReport, Set<string>>();

const damagedTasks = (store: TaskStore): Set<string> => {
  const known = damaged.get(store.recovery);
  if (known) return known;
  const tasks = store.damaged.filter(({ entity }) => entity === "task").map(({ id }) => id);
  const found = new Set(tasks);
  damaged.set(store.recovery, found);
  return found;
};

/** Undefined without damage: a save must be queued at once, or an exit would not find it. Resolves once it is durable. */
export const acceptDamage = (store: TaskStore, id: string): Promise<void> | undefined => {
  const tasks = damagedTasks(store);
  if (!tasks.has(id)) return undefined;
  return store.accept("tasks", id).then(() => void tasks.delete(id));
};
