/** The ready task model of an agent orchestrator, and the reader of directories that came before it. */
export {
  logEntrySchema,
  logLevelSchema,
  logTypeSchema,
  newTaskSchema,
  sessionSchema,
  taskSchema,
  taskStatusSchema,
  type LogEntry,
  type LogLevel,
  type LogType,
  type NewTask,
  type Session,
  type Task,
  type TaskStatus,
} from "./task-schemas.ts";
export { classifyDirectory, isLegacyDirectory, type DirectoryKind } from "./directory-kind.ts";
export { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";
export { legacyFileBytesMax, legacyLevelsMax } from "./legacy-source.ts";
export { type LegacyTask } from "./legacy-choice.ts";
export { type LegacyProblem, type LegacyProblemKind } from "./legacy-problem.ts";
export {
  openTaskStore,
  type AdoptOnOpenOptions,
  type OpenTaskStoreOptions,
} from "./open-task-store.ts";
export {
  TaskStore,
  type NewLogEntry,
  type NewSession,
  type TaskChange,
  type TaskFilter,
  type TaskListeners,
  type TaskPatch,
  type TaskStoreEvents,
} from "./task-store.ts";
export { endedTasks, type EndedTask } from "./ended-tasks.ts";
export { type EditOptions } from "./adopt-edits.ts";
export { type FieldEdit, type TaskEdit } from "./task-edit.ts";
export { isArchived } from "./archive-file.ts";
export { type ArchiveOptions, type ArchiveReport } from "./archive-tasks.ts";
export { taskMetrics, type TaskMetrics } from "./task-metrics.ts";
export { taskModel } from "./task-model.ts";
export { foundWords, legacyLayout, planImport, type ImportPlan } from "./import-plan.ts";
export { importReportOf, type ImportReport } from "./import-report.ts";
export { closeOnExit, type Closable, type CloseOnExitOptions } from "./close-on-exit.ts";
