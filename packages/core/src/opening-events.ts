/**
 * What every opening tells: for writing, again after a failed disk, for reading.
 *
 *     state:loaded ─ damage? state:corruption ─ unknown types? state:held ─ recovered
 *
 * The rule: one order, and no opening that found damage passes in silence.
 */
import type { Events, StoreEvents } from "./events.ts";
import { isCorruption, type RecoveryReport } from "./recovery-report.ts";

export const tellOpening = (
  events: Events<StoreEvents>,
  report: RecoveryReport,
  sequence: number,
): void => {
  events.emit("state:loaded", { sequence, durationMs: report.durationMs });
  if (isCorruption(report)) events.emit("state:corruption", report);
  if (report.held.length > 0) events.emit("state:held", { types: report.held });
  events.emit("recovered", report);
};
