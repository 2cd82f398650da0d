/**
 * The snapshot that a migration began from, kept for the way back.
 *
 *     base ─ copy to tmp ─ sync ─ verified again ─ an earlier one into quarantine/ ─ rename
 *
 * The rule: it has all its bytes, and they are the base's, before it has its name; one of an earlier
 * migration is set aside, never overwritten.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";
import { preMigrationName, quarantineFolder } from "@taskwal/format";
import { copyToTemporary } from "./copy-file.ts";
import { verifySnapshot } from "./read-snapshot.ts";
import { unstable } from "./save-names.ts";
import type { ScannedSnapshot } from "./scan-snapshot.ts";

const temporary = `${preMigrationName}.tmp`;

/** A copy, never a link: who edits the one must not reach the other. Durable once "." is synced, as the next step of a migration does. Errors of the disk pass through. */
export const keepPreMigration = async (
  directory: Directory,
  name: string,
  { sha256 }: Pick<ScannedSnapshot, "sha256">,
): Promise<void> => {
  const earlier = await verifySnapshot(directory, preMigrationName);
  if (earlier.ok && earlier.sha256 === sha256) return;
  await copyToTemporary(directory, name, temporary);
  const copied = await verifySnapshot(directory, temporary);
  if (!copied.ok || copied.sha256 !== sha256) throw unstable(name);
  await setAside(directory);
  await directory.rename(temporary, preMigrationName);
};

/** A copy would do, but nothing depends on these bytes any more: where links do not exist it is moved. */
const setAside = async (directory: Directory): Promise<void> => {
  const stat = await directory.stat(preMigrationName);
  if (!stat) return;
  await directory.createFolder(quarantineFolder);
  await directory.syncFolder(".");
  const to = await freeName(directory, stat.inode);
  if (to === undefined) return;
  try {
    await directory.link(preMigrationName, to);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw unstable(preMigrationName);
    await directory.rename(preMigrationName, to);
  }
  await directory.syncFolder(quarantineFolder);
};

/** Undefined if an attempt before this has set the same file aside already. */
const freeName = async (
  directory: Directory,
  inode: string | number | bigint,
): Promise<string | undefined> => {
  for (let count = 1; ; count++) {
    const name = `${quarantineFolder}/state.pre-migration.${count}.json`;
    const taken = await directory.stat(name);
    if (!taken) return name;
    if (taken.inode === inode) return undefined;
  }
};
