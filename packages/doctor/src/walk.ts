/**
 * The files below a directory, in the order of their names.
 *
 *     root ─ folder ─ folder ─ file, file          "projects/x/1.jsonl"
 *       └ link, device: skipped, and told    └ wal/ in it: a store of ours, told and left alone
 *
 * The rule: it never leaves the directory: a link is not followed, also not one that comes while it looks.
 */
import type { Directory, Disk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";

export interface FoundFile {
  readonly directory: Directory;
  readonly name: string;
  /** Relative to the root. */
  readonly path: string;
}

export interface Skipped {
  readonly path: string;
  readonly reason: string;
  /** The disk refused; else it is nothing that a diagnosis looks into. */
  readonly isRefusal: boolean;
}

export interface WalkEvents {
  readonly skipped: (entry: Skipped) => void;
  readonly store: (path: string) => void;
}

const foldersDeepMax = 12;
/** Of other tools, large, and never a session. */
const foreignFolders = new Set([".git", "node_modules"]);

/** Errors of the root pass through; one below it ends in `skipped`. */
export async function* walk(
  disk: Disk,
  root: Directory,
  events: WalkEvents,
): AsyncGenerator<FoundFile, void, void> {
  yield* walkFolder({ disk, events, directory: root, prefix: "", deep: 0 });
}

interface Place {
  readonly disk: Disk;
  readonly events: WalkEvents;
  readonly directory: Directory;
  /** "" or "projects/". */
  readonly prefix: string;
  readonly deep: number;
}

async function* walkFolder(place: Place): AsyncGenerator<FoundFile, void, void> {
  const { directory, prefix, events } = place;
  const names = (await directory.list(".")).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const name of names) {
    const path = prefix + name;
    try {
      const stat = await directory.stat(name);
      if (stat === undefined)
        events.skipped({ path, reason: "it went meanwhile", isRefusal: false });
      else if (stat.kind === "file") yield { directory, name, path };
      else if (stat.kind === "folder") yield* walkInto(place, name, stat.inode);
      else events.skipped({ path, reason: "a link or a device: not followed", isRefusal: false });
    } catch (error) {
      events.skipped({ path, reason: whyNot(error), isRefusal: true });
    }
  }
}

async function* walkInto(
  place: Place,
  name: string,
  inode: string,
): AsyncGenerator<FoundFile, void, void> {
  const { disk, events, directory, deep } = place;
  const path = place.prefix + name;
  if (foreignFolders.has(name))
    return events.skipped({ path, reason: "of another tool: not looked into", isRefusal: false });
  if (deep >= foldersDeepMax)
    return events.skipped({ path, reason: `over ${foldersDeepMax} folders deep`, isRefusal: true });
  const inner = await disk.openDirectory(`${directory.path}/${name}`);
  try {
    const opened = await inner.stat(".");
    if (opened?.kind !== "folder" || opened.inode !== inode)
      return events.skipped({ path, reason: "it was replaced meanwhile", isRefusal: true });
    if ((await inner.stat("wal"))?.kind === "folder") return events.store(path);
    yield* walkFolder({ ...place, directory: inner, prefix: `${path}/`, deep: deep + 1 });
  } finally {
    await inner.close();
  }
}

/** In a word: the system's, or what was thrown. */
export const whyNot = (error: unknown): string =>
  `it cannot be read: ${errnoOf(error) ?? (error instanceof Error ? error.message : String(error))}`;
