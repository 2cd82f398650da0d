/**
 * `state.migration-v1-to-v2.log`: one line of JSON for each attempt; the last one is the one that holds.
 *
 *     {"at":…,"entities":[{"entity":"note","from":1,"to":2,"count":3}],"from":{…},"backup":…,"to":{…}}
 *
 * The rule: a line is durable before the snapshot that it tells of is in place, and none is removed.
 */
import { readWhole, replaceFile, type Directory } from "@taskwal/disk";
import { isJsonObject } from "@taskwal/format";
import type { MigratedEntity } from "./migration.ts";

export interface MigrationLine {
  readonly at: string;
  readonly entities: readonly MigratedEntity[];
  /** The snapshot that it began from; its sequence and the hash of its bytes. */
  readonly from: { readonly snapshot: string; readonly sequence: number; readonly sha256: string };
  readonly backup: string;
  /** The new snapshot: its sequence and the digest of its state. */
  readonly to: { readonly sequence: number; readonly digest: string };
}

/** By the highest version that is left and the highest that is reached. */
export const migrationLogName = (entities: readonly MigratedEntity[]): string => {
  const from = Math.max(...entities.map((one) => one.from));
  const to = Math.max(...entities.map((one) => one.to));
  return `state.migration-v${from}-to-v${to}.log`;
};

const pattern = /^state\.migration-v\d+-to-v\d+\.log$/;

/** Durable on return. Errors of the disk pass through. */
export const appendMigrationLine = async (
  directory: Directory,
  name: string,
  line: MigrationLine,
): Promise<void> => {
  const text = `${await textOf(directory, name)}${JSON.stringify(line)}\n`;
  await replaceFile(directory, name, Buffer.from(text, "utf8"));
};

/**
 * Whether the last attempt that some file tells of put a snapshot in place at that sequence. The files are for people: one
 * that cannot be read costs no more than the marker, and never an opening.
 */
export const lastMigrationAt = async (directory: Directory, sequence: number): Promise<boolean> => {
  for (const name of await directory.list(".")) {
    if (!pattern.test(name)) continue;
    const text = await textOf(directory, name).catch(() => "");
    if (sequenceOf(text) === sequence) return true;
  }
  return false;
};

const sequenceOf = (text: string): unknown => {
  try {
    const line: unknown = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
    const to = isJsonObject(line) ? line["to"] : undefined;
    return isJsonObject(to) ? to["sequence"] : undefined;
  } catch {
    // Somebody edited it, or nobody could read it.
    return undefined;
  }
};

/** A line is a few hundred bytes, and an attempt adds one: what is larger is not ours to read. */
const bytesMax = 16 * 1024 * 1024;

/** Throws a RangeError for a file that cannot be continued: no line of it may be lost. Errors of the disk pass through. */
export const assertLogFits = async (directory: Directory, name: string): Promise<void> => {
  const sizeBytes = (await directory.stat(name))?.sizeBytes ?? 0;
  if (sizeBytes <= bytesMax) return;
  throw new RangeError(
    `${directory.path}/${name} has ${sizeBytes} bytes, over ${bytesMax}: a migration cannot continue it; ` +
      "move it elsewhere, and open again",
  );
};

const textOf = async (directory: Directory, name: string): Promise<string> => {
  if (!(await directory.stat(name))) return "";
  return Buffer.from(await readWhole(directory, name, bytesMax)).toString("utf8");
};
