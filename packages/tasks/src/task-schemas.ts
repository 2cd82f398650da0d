/**
 * The shapes of the task model: a task, an entry of its log, a session.
 *
 *     Task ──1:n── LogEntry      the log is a list of its own: append-only, never inside the Task
 *       └─ assigned_to ─> Session
 *
 * The rule: fields that this version does not know are kept (`looseObject`), so that what a newer or
 * another program wrote survives being read and saved. What is stored never holds `undefined`
 * (`exactOptional`: a field is there or it is not); what a caller passes in may (`optional`), because
 * the door drops it.
 */
import { z } from "zod";

export const taskStatusSchema = z.enum([
  "pending",
  "in_progress",
  "waiting",
  "completed",
  "failed",
  "cancelled",
]);
export type TaskStatus = z.infer<typeof taskStatusSchema>;

export const logLevelSchema = z.enum(["debug", "info", "warn", "error"]);
export type LogLevel = z.infer<typeof logLevelSchema>;

/**
 * The documented five, and "error": systemprompt-code-orchestrator writes it although its own types
 * forbid it, so real directories hold such entries, and reading them must not change them.
 */
export const logTypeSchema = z.enum(["system", "agent", "tool", "output", "progress", "error"]);
export type LogType = z.infer<typeof logTypeSchema>;

/**
 * A task as it stands, without its log. Times are strings, ISO 8601 where this program wrote them; a
 * legacy directory may hold others, "" for one that is not known. `result` is whatever the agent said.
 */
export const taskSchema = z.looseObject({
  id: z.string().min(1),
  description: z.string(),
  status: taskStatusSchema,
  tool: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  started_at: z.string().exactOptional(),
  completed_at: z.string().exactOptional(),
  assigned_to: z.string().exactOptional(),
  error: z.string().exactOptional(),
  result: z.unknown().exactOptional(),
});
export type Task = z.infer<typeof taskSchema>;

/** One entry of a task's log. `metadata` is free-form. */
export const logEntrySchema = z.looseObject({
  timestamp: z.string(),
  level: logLevelSchema,
  type: logTypeSchema,
  prefix: z.string().exactOptional(),
  message: z.string(),
  metadata: z.looseObject({}).exactOptional(),
});
export type LogEntry = z.infer<typeof logEntrySchema>;

/** An agent session as a snapshot lists it. `status` and `type` are the host's words. */
export const sessionSchema = z.looseObject({
  id: z.string().min(1),
  type: z.string(),
  status: z.string(),
  created_at: z.string(),
  task_id: z.string().exactOptional(),
});
export type Session = z.infer<typeof sessionSchema>;

/** What creating a task takes: the description and the tool; the rest is filled in when left out. */
export const newTaskSchema = z.looseObject({
  id: z.string().min(1).optional(),
  description: z.string(),
  tool: z.string(),
  status: taskStatusSchema.optional(),
  created_at: z.string().optional(),
  updated_at: z.string().optional(),
  started_at: z.string().optional(),
  completed_at: z.string().optional(),
  assigned_to: z.string().optional(),
  error: z.string().optional(),
  result: z.unknown().optional(),
});
export type NewTask = z.infer<typeof newTaskSchema>;
