/**
 * The state as one value: tasks with their logs, sessions, metrics.
 *
 * The rule: a state that is handed in is what its caller knew a moment ago. It brings tasks and sessions forward, and
 * removes nothing that it does not name: only `deleteTask` deletes.
 */
import { redacted, type TransactionOf } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";
import type { JsonValue } from "@taskwal/format";
import type { TaskMetrics, TaskStore, taskModel } from "@taskwal/tasks";
import { isSame, plainJson } from "./plain-json.ts";
import type { Opener } from "./open-persistence.ts";
import { bringTask, takeTask, wholeTask, type Taking, type WholeTask } from "./whole-task.ts";

/** A session as a state lists it. Further fields are kept. */
export interface PersistedSession {
  id: string;
  type: string;
  status: string;
  created_at: string;
  task_id?: string;
}

/** `Task` is the caller's own type of a task. */
export interface PersistedState<Task = WholeTask> {
  tasks: Task[];
  sessions: PersistedSession[];
  /** Of the tasks; what a caller hands in is not looked at. */
  metrics: TaskMetrics;
  /** ISO 8601. */
  last_saved: string;
}

type Transaction = TransactionOf<typeof taskModel>;

/** What brings one task or session of a state into a store. */
export interface Part {
  readonly id: string;
  readonly bring: (tx: Transaction) => void;
}

/** The parts of a state as they are now, and why others of it are none. */
export const partsOf = (
  state: unknown,
  taking: Taking,
): { readonly parts: readonly Part[]; readonly errors: readonly Error[] } => {
  const errors: Error[] = [];
  const parts: Part[] = [];
  const take = (one: () => Part): void => {
    try {
      parts.push(one());
    } catch (error) {
      errors.push(error as Error);
    }
  };
  for (const task of listOf(state, "tasks")) take(() => taskPart(task, taking));
  for (const session of listOf(state, "sessions")) take(() => sessionPart(session, taking));
  return { parts, errors };
};

const listOf = (state: unknown, name: string): readonly unknown[] => {
  const list = (state as { readonly [name: string]: unknown } | null | undefined)?.[name];
  return Array.isArray(list) ? list : [];
};

const taskPart = (task: unknown, taking: Taking): Part => {
  const given = takeTask(task, taking);
  return { id: given.id, bring: (tx) => bringTask(tx, given) };
};

const sessionPart = (session: unknown, { redact }: Taking): Part => {
  const { id, ...plain } = (plainJson(session) ?? {}) as { readonly [name: string]: JsonValue };
  if (typeof id !== "string" || id === "") {
    throw new InvalidMutationError({ reason: "a session has an id, a text" });
  }
  const about = { type: "session.created", id, collection: "sessions" };
  const fields = redact ? redacted(redact, plain, about) : plain;
  return {
    id: `session ${id}`,
    bring: ({ sessions }) => bringSession(sessions, id, fields as typeof plain),
  };
};

const bringSession = (
  sessions: Transaction["sessions"],
  id: string,
  fields: { readonly [name: string]: JsonValue },
): void => {
  const before = sessions.get(id);
  if (!before) {
    if (sessions.version(id) === 0) sessions.mutate(id, "session.created", fields as never);
    return;
  }
  const changed = Object.entries(fields).filter(([name, value]) => !isSame(before[name], value));
  if (changed.length > 0) sessions.mutate(id, "session.updated", Object.fromEntries(changed));
};

/** All tasks with their logs, copies of the caller's own. `turn` is awaited now and then. */
export const wholeTasks = async (
  store: TaskStore,
  turn: () => Promise<void>,
): Promise<WholeTask[]> => {
  const tasks: WholeTask[] = [];
  for (const task of store.list()) {
    tasks.push(wholeTask(store, task));
    if (tasks.length % tasksPerTurn === 0) await turn();
  }
  return tasks;
};

const tasksPerTurn = 50;

/**
 * Brings the tasks and sessions of one store into another, as `saveState` does; returns how many of them changed something
 * there. `failed` is told of one that cannot be brought; the others are.
 */
export const bringStore = async (
  from: TaskStore,
  to: TaskStore,
  { config, failed }: Pick<Opener, "config" | "failed">,
): Promise<number> => {
  const tasks = from.list().map((task) => wholeTask(from, task));
  const taking = { waits: false, redact: config.redact };
  const { parts, errors } = partsOf({ tasks, sessions: from.sessions.list() }, taking);
  for (const error of errors) failed(error);
  let changed = 0;
  for (const { bring } of parts) {
    const before = to.sequence;
    await to.transact(bring).catch(failed);
    if (to.sequence > before) changed += 1;
  }
  return changed;
};
