/**
 * A file of a task that somebody may have edited: what JSON is in it, and from which version it was made.
 *
 *     tasks/<id>.json ─ as we wrote it? ─ yes: no edit
 *                          └ no ─ JSON? ─ an object? ─ its own id? ─> fields, logs, version
 *                                  └ what is wrong, with line and column
 *
 * The rule: reads only; what cannot be taken is said in one sentence, and the file stays as it is.
 */
import { mirrorBytesMax, ownKey, readMirror } from "@taskwal/core";
import { readWhole, type Directory } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { fileStem, limits } from "@taskwal/format";
import { readFileBytes } from "./legacy-file.ts";
import { described, isObject, jsonPath, type Fields } from "./task-copy.ts";

export interface EditedFile {
  readonly id: string;
  /** Without the log and without what the file says of itself. */
  readonly fields: Fields;
  /** Undefined if the file has no list of that name any more. */
  readonly logs: unknown;
  /** What it says of itself; undefined where it says nothing that reads. */
  readonly store: string | undefined;
  readonly version: number | undefined;
}

export interface UnreadableFile {
  readonly id: string | undefined;
  /** One clause: "line 3, column 7: …". */
  readonly problem: string;
}

/** Undefined if the file is as we wrote it, or is not there. Errors of the disk pass through. */
export const readEdited = async (
  directory: Directory,
  name: string,
): Promise<EditedFile | UnreadableFile | undefined> => {
  if (await readMirror(directory, name)) return undefined;
  try {
    return parsed(await readWhole(directory, name, mirrorBytesMax), name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "EISDIR") return { id: undefined, problem: "it is a directory" };
    if (!(error instanceof RangeError)) throw error;
    return { id: undefined, problem: `it is larger than ${mirrorBytesMax} bytes` };
  }
};

const parsed = (bytes: Uint8Array, name: string): EditedFile | UnreadableFile => {
  const { salvage, damage } = readFileBytes(bytes, limits.depthMax);
  // A byte order mark, or UTF-16, is what an editor adds; the text is whole.
  const broken = damage.find(({ kind }) => kind !== "bom" && kind !== "utf-16");
  if (!salvage || broken) {
    const { reason = "it holds no JSON", startBytes } = broken ?? {};
    return { id: undefined, problem: `${placeOf(bytes, startBytes)}${reason}` };
  }
  const [note] = salvage.notes;
  if (note) {
    const at = `${placeOf(bytes, note.startBytes)}at ${jsonPath(note.path)} `;
    return { id: undefined, problem: `${at}JSON would not keep what is written: ${note.reason}` };
  }
  if (salvage.tooDeep.size > 0) return { id: undefined, problem: "it is nested too deep" };
  return taskOf(salvage.value, name);
};

const taskOf = (value: unknown, name: string): EditedFile | UnreadableFile => {
  if (!isObject(value)) return { id: undefined, problem: `it holds ${described(value)}` };
  const { logs, [ownKey]: own, ...fields } = value;
  const { id } = fields;
  if (typeof id !== "string") return { id: undefined, problem: "at $.id: it names no task" };
  // One in quarantine has the time behind its name.
  const stem = fileStem(id);
  if (!name.endsWith(`/${stem}.json`) && !name.includes(`.${stem}.json.`))
    return { id, problem: `at $.id: it says ${id}, which is not the task of this file` };
  const { store, version } = isObject(own) ? own : {};
  return {
    id,
    fields,
    logs,
    store: typeof store === "string" ? store : undefined,
    version: typeof version === "number" ? version : undefined,
  };
};

/** "line 3, column 7: ", for people with an editor. */
const placeOf = (bytes: Uint8Array, startBytes: number | undefined): string => {
  if (startBytes === undefined) return "";
  const before = bytes.subarray(0, startBytes);
  let line = 1;
  for (const byte of before) if (byte === 0x0a) line += 1;
  return `line ${line}, column ${startBytes - before.lastIndexOf(0x0a)}: `;
};
