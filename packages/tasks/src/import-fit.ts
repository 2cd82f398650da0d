/**
 * Leaves out of a reading what no record can hold, and says so.
 *
 *     reading ─ each task, entry and session measured as JSON ──> the same, or less and a problem more
 *
 * The rule: what is left passes the store's door, so one huge entry never ends an import.
 */
import { limits } from "@taskwal/format";
import type { LegacyTask } from "./legacy-choice.ts";
import type { LegacyReading } from "./legacy-directory.ts";
import { inOrder, type LegacyProblem } from "./legacy-problem.ts";

/** Of a payload; the rest is for the longest envelope. */
const payloadBytesMax = limits.recordBytesMax - 32 * 1024;

export const fitReading = (reading: LegacyReading): LegacyReading => {
  const problems: LegacyProblem[] = [];
  const tooLarge = (file: string, what: string, value: unknown, recovered: string): boolean => {
    const bytes = jsonBytes(value);
    if (bytes <= payloadBytesMax) return false;
    const reason = `${what} has ${bytes} bytes as JSON; a record holds ${payloadBytesMax}`;
    problems.push({ file, kind: "too-large", reason, recovered });
    return true;
  };
  const hasId = (file: string, what: string, id: string): boolean => {
    const bytes = Buffer.byteLength(id);
    if (bytes <= limits.idBytesMax) return true;
    const reason = `the id of ${what} has ${bytes} bytes; a record holds ${limits.idBytesMax}`;
    problems.push({ file, kind: "too-large", reason, recovered: "nothing" });
    return false;
  };
  const tasks = reading.tasks.flatMap((legacy): LegacyTask[] => {
    const { task, logs, file } = legacy;
    if (!hasId(file, "a task", task.id)) return [];
    if (tooLarge(file, `task ${task.id} without its log`, task, "nothing of it")) return [];
    const fitting = logs.filter(
      (entry, index) =>
        !tooLarge(file, `entry ${index} of the log of task ${task.id}`, entry, "the other entries"),
    );
    if (fitting.length === logs.length) return [legacy];
    return [{ ...legacy, logs: fitting, partial: true }];
  });
  const sessions = reading.sessions.filter(
    (session) =>
      hasId("state.json", "a session", session.id) &&
      !tooLarge("state.json", `session ${session.id}`, session, "nothing of it"),
  );
  if (problems.length === 0) return reading;
  return { ...reading, tasks, sessions, problems: inOrder([...reading.problems, ...problems]) };
};

/** Bytes of the value as JSON. */
export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
