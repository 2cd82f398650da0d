/**
 * Where the state is, and what else can be chosen.
 *
 *     basePath    config ?? STATE_PATH || STATE_PATH of ./.env || ./coding-agent-state
 *     backupPath  config ?? STATE_BACKUP_PATH || STATE_BACKUP_PATH of ./.env || none
 *
 * The rule: the environment wins over the file, as it does everywhere, and an empty name there is none; the file is read,
 * never put into the environment.
 */
import type { Logger, Redact } from "@taskwal/core";
import { readWhole, type Disk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { limits } from "@taskwal/format";
import { resolve } from "node:path";
import { parseEnv } from "node:util";

/** The interval of the automatic save, in milliseconds, where `autosaveMs` names no other. */
export const autosaveMsDefault = 30_000;
const basePathDefault = "./coding-agent-state";

export interface PersistenceConfig {
  /** The one kind of storage there is. */
  readonly type?: "filesystem";
  /** The state directory. */
  readonly basePath?: string;
  /** A directory, best on another disk, that is used while `basePath` cannot be. Default: none. */
  readonly backupPath?: string;
  /** A directory where the state is dumped once when an error ends the process, or the disk fails. Default: none. */
  readonly emergencyPath?: string;
  /** Milliseconds between automatic saves. Default: `autosaveMsDefault`. */
  readonly autosaveMs?: number;
  /** Told of errors and of what a start found. Default: nobody; nothing is written to stdout. */
  readonly logger?: Logger;
  /**
   * Takes out of what is handed in what must not be kept: tasks (all fields but the log) as "task.imported", entries of a
   * log as "task.logs.appended", sessions as "session.created", session logs as "session.logged",
   * reports as "report.written". What it returned is handed to it again: it has to return that as it is.
   */
  readonly redact?: Redact;
  /** The disk, clock and randomness. Default: the real ones. */
  readonly disk?: Disk;
}

/** Absolute. */
export interface Paths {
  readonly basePath: string;
  readonly backupPath: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads `./.env` only if the answer may be there. An `.env` that cannot be read counts as none, and is logged. */
export const pathsOf = async (config: PersistenceConfig, disk: Disk): Promise<Paths> => {
  const { logger } = config;
  const own = process.env;
  const basePath = config.basePath ?? (own["STATE_PATH"] || undefined);
  const backupPath = config.backupPath ?? (own["STATE_BACKUP_PATH"] || undefined);
  const asksFile = basePath === undefined || backupPath === undefined;
  const file = asksFile ? await environmentFile(disk, logger) : {};
  const backup = backupPath ?? (file["STATE_BACKUP_PATH"] || undefined);
  return {
    basePath: resolve(basePath ?? (file["STATE_PATH"] || basePathDefault)),
    backupPath: backup === undefined ? undefined : resolve(backup),
  };
};

const environmentFile = async (disk: Disk, logger: Logger | undefined): Promise<Environment> => {
  try {
    const directory = await disk.openDirectory(".");
    try {
      const bytes = await readWhole(directory, ".env", limits.smallFileBytesMax);
      return parseEnv(Buffer.from(bytes).toString("utf8"));
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") logger?.warn({ error }, "the file .env could not be read");
    return {};
  }
};
