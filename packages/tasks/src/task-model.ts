/**
 * The task model: what an orchestrator keeps, as entities of the engine.
 *
 *     task      task.created  task.imported  task.restored                + list "logs"
 *               task.updated  task.patched  task.edited  task.deleted  task.archived
 *     session   session.created  session.imported  session.updated  session.deleted
 *
 * The rule: times come from the record (`meta.at`), never from a clock, so a replay gives the same.
 */
import { defineEntity, defineModel } from "@taskwal/core";
import { z } from "zod";
import {
  logEntrySchema,
  newTaskSchema,
  sessionSchema,
  taskSchema,
  type Task,
  type TaskStatus,
} from "./task-schemas.ts";
import { metricsOf } from "./task-metrics.ts";

let isoAt = Number.NaN;
let isoText = "";

/** Records that were written together are mostly of the same millisecond: its text is made once. */
const iso = (at: number): string => {
  if (at !== isoAt) {
    isoText = new Date(at).toISOString();
    isoAt = at;
  }
  return isoText;
};

const ended: ReadonlySet<TaskStatus> = new Set(["completed", "failed", "cancelled"]);

/** What a new status says of the times, unless they are known already or given. The task is a new one: it gets them. */
const stamped = (task: Task, at: number): Task => {
  if (task.status === "in_progress" && !Object.hasOwn(task, "started_at")) {
    task.started_at = iso(at);
  }
  if (ended.has(task.status) && !Object.hasOwn(task, "completed_at")) task.completed_at = iso(at);
  return task;
};

const defined = <T extends object>(value: T): T =>
  Object.values(value).includes(undefined)
    ? (Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T)
    : value;

/** Fields to change; the id is not one of them. */
const taskPatchSchema = z.looseObject({
  ...newTaskSchema.omit({ id: true }).partial().shape,
  id: z.never().optional(),
});

/** A task as somebody edited it in its file: fields to set, and optional fields to take away. */
const taskEditSchema = z.object({ set: taskPatchSchema, remove: z.array(z.string()) });

const required = ["id", "description", "status", "tool", "created_at", "updated_at"];

/** A task as a program that keeps it whole has it: unlike after an edit, nothing is filled in and no time is stamped. */
const exactPatchSchema = z.object({
  set: z.looseObject({
    ...taskSchema.omit({ id: true }).partial().shape,
    id: z.never().optional(),
  }),
  unset: z
    .array(z.string().refine((name) => !required.includes(name), "is a field that every task has"))
    .exactOptional(),
});

const task = defineEntity({
  name: "task",
  collection: "tasks",
  version: 1,
  schema: taskSchema,
  lists: { logs: logEntrySchema },
  create: {
    "task.created": {
      payload: newTaskSchema,
      reduce: (payload, { id, at }): Task =>
        stamped(
          {
            status: "pending",
            created_at: iso(at),
            updated_at: iso(at),
            ...defined(payload),
            id,
          } as Task,
          at,
        ),
    },
    "task.imported": { payload: taskSchema, reduce: (payload): Task => payload },
    "task.restored": { payload: taskSchema, reduce: (payload): Task => payload },
  },
  change: {
    "task.updated": {
      payload: taskPatchSchema,
      reduce: (before, patch, { id, at }): Task =>
        stamped({ ...before, updated_at: iso(at), ...defined(patch), id } as Task, at),
    },
    "task.patched": {
      payload: exactPatchSchema,
      reduce: (before, { set, unset = [] }): Task => {
        const after: Record<string, unknown> = { ...before, ...defined(set) };
        for (const name of unset) delete after[name];
        return after as Task;
      },
    },
    "task.edited": {
      payload: taskEditSchema,
      reduce: (before, { set, remove }, { id, at }): Task => {
        const kept = Object.entries(before).filter(([key]) => !remove.includes(key));
        const edited = { ...Object.fromEntries(kept), updated_at: iso(at), ...defined(set), id };
        return stamped(edited as Task, at);
      },
    },
    "task.deleted": { payload: z.object({}), reduce: () => undefined },
    "task.archived": { payload: z.object({}), reduce: () => undefined },
  },
});

const sessionPatchSchema = z.looseObject({
  type: z.string().optional(),
  status: z.string().optional(),
  task_id: z.string().optional(),
  id: z.never().optional(),
});

const newSessionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  created_at: z.string().optional(),
  task_id: z.string().optional(),
});

const session = defineEntity({
  name: "session",
  collection: "sessions",
  version: 1,
  schema: sessionSchema,
  create: {
    "session.created": {
      payload: newSessionSchema,
      reduce: (payload, { id, at }) =>
        ({ created_at: iso(at), ...defined(payload), id }) as z.infer<typeof sessionSchema>,
    },
    "session.imported": { payload: sessionSchema, reduce: (payload) => payload },
  },
  change: {
    "session.updated": {
      payload: sessionPatchSchema,
      reduce: (before, patch, { id }) =>
        ({ ...before, ...defined(patch), id }) as z.infer<typeof sessionSchema>,
    },
    "session.deleted": { payload: z.object({}), reduce: () => undefined },
  },
});

/** For `openStore` and for replaying a task store offline. */
export const taskModel = defineModel({
  entities: { tasks: task, sessions: session },
  *summary({ tasks }) {
    return { metrics: yield* metricsOf(tasks.all()) };
  },
});
