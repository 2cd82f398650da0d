/**
 * Tasks, log entries and sessions of a legacy directory in the shape that the schemas ask for.
 *
 *     { status: "paused" }            status "pending", legacy_status "paused"
 *     { updated_at: 1795162950406 }   updated_at "2026-11-20T08:22:30.406Z"
 *     { started_at: "soon" }          kept: a text is what its author wrote
 *     { error: { code: 1 } }          legacy_error { code: 1 }
 *
 * The rule: a value that does not fit moves to `legacy_<field>`, and every change is noted.
 */
import type { LegacyProblemKind } from "./legacy-problem.ts";
import { described, isObject, timeOf, type CopyNote, type Fields } from "./task-copy.ts";
import {
  logLevelSchema,
  logTypeSchema,
  taskStatusSchema,
  type LogEntry,
  type Session,
  type Task,
} from "./task-schemas.ts";

/** What one field of the schemas holds, and what stands for it where nothing fitting was written. */
interface FieldRule {
  readonly form: "text" | "time" | "object" | readonly string[];
  /** Undefined for an optional field: it is then left out. */
  readonly fallback?: string;
  readonly oddKind?: LegacyProblemKind;
}

type Rules = Readonly<Record<string, FieldRule>>;

/**
 * A status outside the documented six becomes "pending": of these it claims the least. Nobody is said
 * to work on the task, no outcome is made up, and it can still be started or cancelled, while the
 * only way out of "waiting" is "completed". The word itself stays, in `legacy_status`.
 */
const statusRule: FieldRule = {
  form: taskStatusSchema.options,
  fallback: "pending",
  oddKind: "unknown-status",
};

/** "" where a text or time is not known: an empty text claims nothing. */
const taskRules: Rules = {
  description: { form: "text", fallback: "" },
  // The only tool that the program ever had.
  tool: { form: "text", fallback: "CLAUDECODE" },
  status: statusRule,
  created_at: { form: "time", fallback: "" },
  updated_at: { form: "time", fallback: "" },
  started_at: { form: "time" },
  completed_at: { form: "time" },
  assigned_to: { form: "text" },
  error: { form: "text" },
};

const entryRules: Rules = {
  timestamp: { form: "time", fallback: "" },
  level: { form: logLevelSchema.options, fallback: "info" },
  type: { form: logTypeSchema.options, fallback: "system" },
  prefix: { form: "text" },
  message: { form: "text", fallback: "" },
  metadata: { form: "object" },
};

const sessionRules: Rules = {
  type: { form: "text", fallback: "" },
  status: { form: "text", fallback: "" },
  created_at: { form: "time", fallback: "" },
  task_id: { form: "text" },
};

export interface ShapedTask {
  readonly task: Task;
  readonly logs: LogEntry[];
  readonly notes: readonly CopyNote[];
}

/** Shapes the fields and the log that `bestOf` chose. Never throws. */
export const shapeTask = (id: string, fields: Fields, entries: readonly unknown[]): ShapedTask => {
  const notes = new ShapeNotes();
  // The rules are those of the schemas; a test holds every shaped value against them.
  const task = { ...shape(fields, taskRules, "$", notes), id } as Task;
  const logs = entries.map((entry, index) => shapeEntry(entry, `$.logs[${index}]`, notes));
  return { task, logs, notes: notes.all() };
};

/** Undefined if it has no id: nothing could then refer to it. */
export const shapeSession = (
  value: unknown,
): { readonly session: Session; readonly notes: readonly CopyNote[] } | undefined => {
  if (!isObject(value) || typeof value["id"] !== "string" || value["id"] === "") return undefined;
  const notes = new ShapeNotes();
  const session = shape(value, sessionRules, "$.sessions", notes) as Session;
  return { session, notes: notes.all() };
};

const shapeEntry = (entry: unknown, path: string, notes: ShapeNotes): LogEntry => {
  if (isObject(entry)) return shape(entry, entryRules, path, notes) as LogEntry;
  const reason = `a log entry is ${described(entry)}`;
  notes.add("odd-log-entry", path, reason, "its content, as the message");
  const message = typeof entry === "string" ? entry : JSON.stringify(entry);
  return { timestamp: "", level: "info", type: "system", message };
};

const shape = (fields: Fields, rules: Rules, path: string, notes: ShapeNotes): Fields => {
  const shaped: Fields = {};
  for (const [key, value] of Object.entries(fields)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) shaped[key] = value;
    else Object.assign(shaped, shapeField(key, value, rule, `${path}.${key}`, notes));
  }
  for (const [key, { fallback }] of Object.entries(rules)) {
    if (fallback === undefined || Object.hasOwn(shaped, key)) continue;
    shaped[key] = fallback;
    if (Object.hasOwn(fields, key)) continue;
    const recovered = `the rest, with ${JSON.stringify(fallback)} for it`;
    notes.add("missing-field", `${path}.${key}`, `${key} is missing`, recovered);
  }
  return shaped;
};

/** The field as it goes into the task: as it is, as another value, or under another name. */
const shapeField = (
  key: string,
  value: unknown,
  rule: FieldRule,
  path: string,
  notes: ShapeNotes,
): Fields => {
  if (fits(value, rule)) {
    if (rule.form === "time" && timeOf(value) === -Infinity) {
      notes.add(
        "odd-time",
        path,
        `${key} is ${JSON.stringify(value)}, which is no time`,
        "the text",
      );
    }
    return { [key]: value };
  }
  if (rule.form === "time" && typeof value === "number" && timeOf(value) !== -Infinity) {
    const time = new Date(value).toISOString();
    notes.add("odd-time", path, `${key} is the number ${value}`, `the time, as ${time}`);
    return { [key]: time };
  }
  const oddKind = rule.oddKind ?? (rule.form === "time" ? "odd-time" : "odd-field");
  const found = typeof value === "string" ? JSON.stringify(value) : described(value);
  const instead =
    rule.fallback === undefined ? "" : `, and ${key} is ${JSON.stringify(rule.fallback)}`;
  notes.add(oddKind, path, `${key} is ${found}`, `the value, as legacy_${key}${instead}`);
  return { [`legacy_${key}`]: value };
};

const fits = (value: unknown, { form }: FieldRule): boolean => {
  if (form === "object") return isObject(value);
  if (typeof value !== "string") return false;
  return form === "text" || form === "time" || form.includes(value);
};

/** Notes of one task, one per kind and field however many log entries have it. */
class ShapeNotes {
  private readonly found = new Map<string, { first: CopyNote; count: number }>();

  add(kind: LegacyProblemKind, path: string, reason: string, recovered: string): void {
    const key = `${kind} ${path.replaceAll(/\[\d+\]/g, "[]")}`;
    const known = this.found.get(key);
    if (known) known.count += 1;
    else
      this.found.set(key, {
        first: { kind, reason: `${reason}, at ${path}`, recovered },
        count: 1,
      });
  }

  all(): CopyNote[] {
    return [...this.found.values()].map(({ first, count }) =>
      count === 1 ? first : { ...first, reason: `${first.reason}, and ${count - 1} more like it` },
    );
  }
}
