/**
 * What of a state directory nobody needs to open it: found first, and removed only as it was found.
 *
 *     backups     all but the newest `backupsKept`, spread over time as ever
 *     history     segments below the oldest backup that stays: for looking back, not for opening
 *     leftovers   temporary files of a process that died
 *     torn        copies of bytes that a crash cut off
 *
 * The rule: backups and history go only if every snapshot that stays verifies; a removal leaves what pruning would
 * leave, whenever a crash comes. What people may miss (quarantined edits and damage, archive/, legacy/, logs/,
 * reports/) is never looked at.
 */
import { folderOf, openNodeDisk, type Clock, type Directory, type Disk } from "@taskwal/disk";
import { archiveFolder, backupName, quarantineFolder, stateName, walFolder } from "@taskwal/format";
import { listLog } from "@taskwal/log";
import { chooseBackups, listSnapshots, verifySnapshot } from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { lockDirectory } from "./owner-lock.ts";
import { diskErrors, openForReading } from "./state-directory.ts";

export interface CleanOptions {
  readonly dir: string;
  readonly model: Model;
  /** So many backups stay, at least 3. Default: 10. */
  readonly backupsKept?: number;
  /** Default: the real one. */
  readonly disk?: Disk;
}

export interface Removable {
  /** Relative to the state directory. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly part: "backups" | "history" | "leftovers" | "torn";
}

export interface CleanPlan {
  /** In the order of their removal. */
  readonly removable: readonly Removable[];
  /** Why no backup and no history is among them, if that is so; one sentence each. */
  readonly kept: readonly string[];
}

/** Reads only. Throws UnsupportedFormatError, DiskFailedError. */
export const planCleaning = async (options: CleanOptions): Promise<CleanPlan> => {
  const { dir, disk = openNodeDisk() } = options;
  const directory = await openForReading({ disk, dir });
  try {
    return await diskErrors("read", dir, () => findRemovable(directory, disk.clock, options));
  } finally {
    await directory.close();
  }
};

/**
 * Removes what is in `plan` and still to be found, and returns that; durable on return. Needs no free byte. Throws
 * LockedError if the directory has an owner, and as planning does: what was removed until then is.
 */
export const cleanState = async (
  options: CleanOptions,
  plan: CleanPlan,
): Promise<readonly Removable[]> => {
  const { dir, disk = openNodeDisk() } = options;
  const directory = await openForReading({ disk, dir });
  try {
    return await diskErrors("clean", dir, async () => {
      const lock = await lockDirectory(disk, directory);
      try {
        // Without a kernel's lock only the name of the owner keeps others out.
        if (lock.backend === "identity") {
          const { epoch, store } = lock.last ?? { epoch: 0, store: "" };
          await lock.record({ epoch, store });
        }
        const planned = new Set(plan.removable.map(({ name }) => name));
        const { removable } = await findRemovable(directory, disk.clock, options);
        const going = removable.filter(({ name }) => planned.has(name));
        for (const { name } of going) {
          await directory.remove(name);
          // Before the next one: a segment that a power cut brings back must not stand before a hole.
          await directory.syncFolder(folderOf(name));
        }
        return going;
      } finally {
        await lock.release();
      }
    });
  } finally {
    await directory.close();
  }
};

const findRemovable = async (
  directory: Directory,
  clock: Clock,
  { model, backupsKept }: CleanOptions,
): Promise<CleanPlan> => {
  const { removable, kept } = await findOld(directory, clock, backupsKept);
  const leftovers = (await ownNames(directory, model)).filter((name) => name.endsWith(".tmp"));
  const torn = (await inFolder(directory, quarantineFolder)).filter((name) =>
    name.endsWith(".torn"),
  );
  return {
    removable: [
      ...removable,
      ...(await sized(directory, leftovers, "leftovers")),
      ...(await sized(directory, torn, "torn")),
    ],
    kept,
  };
};

/** Backups before the log below them: a backup that came back would have nothing to stand on. */
const findOld = async (
  directory: Directory,
  clock: Clock,
  backupsKept: number | undefined,
): Promise<CleanPlan> => {
  const ids = (await listSnapshots(directory)).flatMap(({ backup }) => backup ?? []);
  const staying = chooseBackups(ids, clock.now(), backupsKept);
  const oldest = staying.at(-1);
  if (!oldest) return { removable: [], kept: ["there is no backup: the whole log is needed"] };
  const kept: string[] = [];
  const names = staying.map(({ atMs, sequence }) => backupName(atMs, sequence));
  for (const name of [stateName, ...names]) {
    const { ok } = await verifySnapshot(directory, name, clock);
    if (!ok) kept.push(`${name} does not verify: what lies before it may be needed`);
  }
  if (kept.length > 0) return { removable: [], kept };
  const backups = ids
    .filter((id) => !staying.includes(id))
    .toSorted((a, b) => a.sequence - b.sequence || a.atMs - b.atMs)
    .map(({ atMs, sequence }) => backupName(atMs, sequence));
  const { segments, overridden } = await listLog(directory);
  const history = [...overridden, ...segments]
    .filter(({ lastMax }) => lastMax <= oldest.sequence)
    .map(({ name }) => name);
  const removable = [
    ...(await sized(directory, backups, "backups")),
    ...(await sized(directory, history, "history")),
  ];
  return { removable, kept };
};

const sized = async (
  directory: Directory,
  names: readonly string[],
  part: Removable["part"],
): Promise<Removable[]> => {
  const found: Removable[] = [];
  for (const name of names)
    found.push({ name, sizeBytes: (await directory.stat(name))?.sizeBytes ?? 0, part });
  return found;
};

const inFolder = async (directory: Directory, folder: string): Promise<string[]> =>
  (await directory.list(folder)).toSorted().map((name) => `${folder}/${name}`);

/** What lies where this store makes temporary files. */
const ownNames = async (directory: Directory, model: Model): Promise<string[]> => {
  const names = (await directory.list(".")).filter((name) => name.startsWith("state.")).toSorted();
  const collections = [...model.entities.values()].map(({ collection }) => collection);
  for (const folder of [...collections, walFolder, quarantineFolder, archiveFolder])
    names.push(...(await inFolder(directory, folder)));
  return names;
};
