/**
 * Whose directory this is, judged by content, not by name alone.
 *
 *     taskwal     a wal/ folder, or a state.json with our header
 *     legacy      tasks of systemprompt-code-orchestrator: state.json, state.backup.*.json, tasks/*.json
 *     agentapi    conversations of coder/agentapi: { version, messages: [ { id, message, role, time } ] }
 *     empty       nothing in it, or only empty folders
 *     foreign     anything else
 *
 * The rule: a file of our layout that cannot be read at all still says "legacy", never "empty": what is
 * corrupt must not be opened as new. A readable file that is of another program says so.
 */
import type { Directory } from "@taskwal/disk";
import { limits } from "@taskwal/format";

import { readFileBytes } from "./legacy-file.ts";
import { byText } from "./legacy-problem.ts";
import { isObject } from "./task-copy.ts";

export type DirectoryKind = "taskwal" | "legacy" | "agentapi" | "empty" | "foreign";

/** What the beginning of one file says of its program; `unreadable` if nothing. */
type ContentKind = "taskwal" | "tasks" | "agentapi" | "other" | "unreadable";

/** Enough for the first fields of any of these files, which tell them apart. */
const headBytes = 64 * 1024;
/** Files that are looked at in each place, in the order of their names. */
const filesMax = 64;

/** Reads the first bytes of some files; writes nothing. Throws only if the disk cannot list. */
export const classifyDirectory = async (directory: Directory): Promise<DirectoryKind> => {
  const names = (await directory.list(".")).sort(byText);
  if (names.includes("wal") && (await isKind(directory, "wal", "folder"))) return "taskwal";
  const jsonNames = names.filter((name) => name.endsWith(".json")).slice(0, filesMax);
  const layoutNames = jsonNames.filter(isSnapshotName);
  const kinds = new Set<ContentKind>();
  for (const name of layoutNames) kinds.add(await contentKind(directory, name));
  if (kinds.has("taskwal")) return "taskwal";
  if (kinds.has("tasks") || (await hasTaskFiles(directory))) return "legacy";
  if (kinds.has("agentapi")) return "agentapi";
  if (kinds.has("unreadable")) return "legacy";
  for (const name of jsonNames) {
    if ((await contentKind(directory, name)) === "agentapi") return "agentapi";
  }
  return (await isEmpty(directory, names)) ? "empty" : "foreign";
};

/** Whether the directory holds tasks in the layout of systemprompt-code-orchestrator, readable or not. */
export const isLegacyDirectory = async (directory: Directory): Promise<boolean> =>
  (await classifyDirectory(directory)) === "legacy";

/** `state.json` and what that program takes for a backup of it. */
export const isSnapshotName = (name: string): boolean =>
  name === "state.json" || (name.startsWith("state.backup.") && name.endsWith(".json"));

/** What a value says of the program that wrote it. A cut value is judged by the fields that are there. */
export const contentKindOf = (value: unknown): ContentKind => {
  if (!isObject(value)) return value === null || value === undefined ? "unreadable" : "other";
  if (typeof value["format"] === "number" && typeof value["store"] === "string") return "taskwal";
  if (Array.isArray(value["tasks"])) return "tasks";
  if (typeof value["version"] === "number" && Array.isArray(value["messages"])) return "agentapi";
  return Object.keys(value).length === 0 ? "unreadable" : "other";
};

const contentKind = async (directory: Directory, name: string): Promise<ContentKind> =>
  contentKindOf(await headValue(directory, name));

/** What can be read of the value at the beginning of a file; nothing if the disk refuses. */
const headValue = async (directory: Directory, name: string): Promise<unknown> => {
  if (!(await isKind(directory, name, "file"))) return undefined;
  const file = await directory.open(name, "read").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const buffer = new Uint8Array(headBytes);
    const count = await file.read(buffer, 0);
    return readFileBytes(buffer.subarray(0, count), limits.depthMax).salvage?.value;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
};

const uuidName = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.json$/i;

/** A readable task, or a file with the name of one. */
const hasTaskFiles = async (directory: Directory): Promise<boolean> => {
  if (!(await isKind(directory, "tasks", "folder"))) return false;
  const names = (await directory.list("tasks")).filter((name) => name.endsWith(".json"));
  if (names.some((name) => uuidName.test(name))) return true;
  for (const name of names.sort(byText).slice(0, filesMax)) {
    const value = await headValue(directory, `tasks/${name}`);
    if (isObject(value) && typeof value["id"] === "string" && "description" in value) return true;
  }
  return false;
};

const isEmpty = async (directory: Directory, names: readonly string[]): Promise<boolean> => {
  for (const name of names) {
    // LOCK is ours: an opener takes it before it looks at anything else.
    if (name === "LOCK") continue;
    if (!(await isKind(directory, name, "folder"))) return false;
    if ((await directory.list(name)).length > 0) return false;
  }
  return true;
};

/** False also for a name that a Directory does not take ("a\\b"). */
const isKind = async (
  directory: Directory,
  name: string,
  kind: "file" | "folder",
): Promise<boolean> => (await directory.stat(name).catch(() => undefined))?.kind === kind;
