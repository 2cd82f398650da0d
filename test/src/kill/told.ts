/**
 * What the killed processes of one store told: calls in the order of their issue, and which of them
 * were acknowledged; and what a store that recovered any prefix of them must hold.
 *
 *     issued    1 2 3 4 5 6 7        each call one mutation or a transaction
 *     acked     1 2   4
 *     recovered 1 2 3 4 5            a prefix, with all that was acknowledged, no transaction in part
 *
 * The rule: the state is computed here, from the calls alone, and compared by value.
 */

export interface ToldMutation {
  readonly kind: "create" | "update" | "log" | "delete";
  readonly id: string;
  readonly text?: string;
}

export interface ToldCall {
  readonly number: number;
  readonly of: readonly ToldMutation[];
}

/** A task by value, as far as the calls decide it. */
export interface TaskValue {
  readonly id: string;
  readonly version: number;
  /** Undefined if it was deleted. */
  readonly description: string | undefined;
  readonly logs: readonly string[];
}

export const tasksAfter = (calls: readonly ToldCall[]): Map<string, TaskValue> => {
  const tasks = new Map<string, TaskValue>();
  for (const { kind, id, text } of calls.flatMap(({ of }) => of)) {
    const before = tasks.get(id) ?? { id, version: 0, description: undefined, logs: [] };
    const version = before.version + 1;
    if (kind === "log") tasks.set(id, { ...before, version, logs: [...before.logs, text ?? ""] });
    else if (kind === "update") tasks.set(id, { ...before, version, description: text });
    else
      tasks.set(id, { id, version, description: kind === "create" ? text : undefined, logs: [] });
  }
  return tasks;
};

export interface Readable {
  get(id: string): { readonly description: string } | undefined;
  version(id: string): number;
  logs(id: string): readonly { readonly message: string }[];
  list(): readonly { readonly id: string }[];
}

export const taskIn = (store: Readable, id: string): TaskValue => ({
  id,
  version: store.version(id),
  description: store.get(id)?.description,
  logs: store.logs(id).map(({ message }) => message),
});

/**
 * How many of the calls a store holds, by its versions. Throws where that is no whole number of calls:
 * a transaction in part. Says nothing of the values yet.
 */
export const callsIn = (store: Readable, calls: readonly ToldCall[]): number => {
  const ids = new Set(calls.flatMap(({ of }) => of.map(({ id }) => id)));
  let left = [...ids].reduce((sum, id) => sum + store.version(id), 0);
  const total = left;
  let count = 0;
  for (const { of } of calls) {
    if (left === 0) break;
    left -= of.length;
    count += 1;
  }
  if (left !== 0)
    throw new Error(`${total} mutations are there, which is no whole number of calls`);
  return count;
};
