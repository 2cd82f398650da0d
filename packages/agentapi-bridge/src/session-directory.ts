/**
 * Where all of one supervised agentapi lies: the folder of the module, as the registry's module lays it out.
 *
 *     <sessionDir>/                       0700
 *     ├── state.json                      agentapi's own, if no other path is given
 *     ├── agentapi.pid                    likewise
 *     ├── agentapi-start.log              what this agentapi prints; <…>.previous is the one before
 *     ├── journal/                        the truth, and the lock of the session
 *     ├── checkpoints/<sha256>.json       the last good states, by their content
 *     ├── quarantine/<sha256>.json        states that were not good, or of another conversation
 *     └── outbox/                         logs that Coder has not taken yet
 *
 * The rule: who has the journal has the session. A file that is replaced is kept before, by its content, so that
 * keeping it twice is keeping it once.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { replaceFile } from "@taskwal/disk";
import type { Directory, Disk } from "@taskwal/disk";

export interface SessionPaths {
  readonly sessionDir: string;
  readonly stateFile: string;
  readonly pidFile: string;
  readonly logFile: string;
  readonly outbox: string;
}

export interface NamedPaths {
  readonly sessionDir: string;
  /** Default: `<sessionDir>/state.json`; the merged module has `agentapi-state.json`. */
  readonly stateFilePath?: string;
  /** Default: `<sessionDir>/agentapi.pid`. */
  readonly pidFilePath?: string;
}

/** Absolute, since agentapi takes a relative one for one of its own folder. */
export const sessionPaths = ({ sessionDir, ...named }: NamedPaths): SessionPaths => ({
  sessionDir: resolve(sessionDir),
  stateFile: resolve(named.stateFilePath ?? join(sessionDir, "state.json")),
  pidFile: resolve(named.pidFilePath ?? join(sessionDir, "agentapi.pid")),
  logFile: resolve(sessionDir, "agentapi-start.log"),
  outbox: resolve(sessionDir, "outbox"),
});

/** Newest ones; agentapi's whole conversation is in each. */
const checkpointsMax = 10;

/** A log begins with its agentapi: the one before stays beside it. */
export const beginLog = (disk: Disk, { logFile }: SessionPaths): Promise<void> =>
  inFolder(disk, dirname(logFile), async (directory) => {
    const name = basename(logFile);
    if (await directory.stat(name)) await directory.rename(name, `${name}.previous`);
  });

/** Keeps a state under its hash. The oldest beyond ten go, but only from `checkpoints`. */
export const keepState = async (
  disk: Disk,
  { sessionDir }: Pick<SessionPaths, "sessionDir">,
  folder: "checkpoints" | "quarantine",
  bytes: Uint8Array,
): Promise<string> => {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await inFolder(disk, join(sessionDir, folder), async (directory) => {
    await replaceFile(directory, `${sha256}.json`, bytes);
    if (folder === "checkpoints") await removeOldest(directory);
  });
  return sha256;
};

const removeOldest = async (directory: Directory): Promise<void> => {
  const names = (await directory.list(".")).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
  if (names.length <= checkpointsMax) return;
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: BigInt((await directory.stat(name))?.modified ?? 0) })),
  );
  dated.sort((one, other) => (one.at < other.at ? -1 : 1));
  for (const { name } of dated.slice(0, -checkpointsMax)) await directory.remove(name);
};

const inFolder = async <T>(
  disk: Disk,
  path: string,
  work: (directory: Directory) => Promise<T>,
): Promise<T> => {
  const directory = await disk.createDirectory(path);
  try {
    return await work(directory);
  } finally {
    await directory.close();
  }
};
