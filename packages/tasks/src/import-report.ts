/**
 * What an import brings, as a value and as `legacy/import.json`.
 *
 * The rule: it is a function of the reading alone, so that a dry run tells what the import will tell.
 */
import type { LegacyReading } from "./legacy-directory.ts";
import type { LegacyProblem } from "./legacy-problem.ts";

export interface ImportReport {
  readonly tasks: number;
  readonly logEntries: number;
  readonly sessions: number;
  /** Tasks of which only a part could be read. */
  readonly partial: readonly string[];
  /** Ids of tasks that only old backups hold: taken for deleted, not imported. */
  readonly deleted: readonly string[];
  /** Every file that could not be read as a whole, and why. */
  readonly problems: readonly LegacyProblem[];
}

export const importReportOf = ({
  tasks,
  sessions,
  deleted,
  problems,
}: LegacyReading): ImportReport => ({
  tasks: tasks.length,
  logEntries: tasks.reduce((sum, { logs }) => sum + logs.length, 0),
  sessions: sessions.length,
  partial: tasks.filter(({ partial }) => partial).map(({ task }) => task.id),
  deleted: deleted.map(({ task }) => task.id),
  problems,
});
