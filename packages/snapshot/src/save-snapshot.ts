/**
 * Puts a new state.json in place of the old one, which becomes a backup.
 *
 *     tmp ─ written in slices ─ size checked ─ sync ─ link old as backup ─ rename ─ sync folder
 *
 * The rule: at no instant is there no valid state.json; what stands there and is not what this process
 * last wrote or read is set aside, never overwritten and never taken for a backup.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory, File, FileStat } from "@taskwal/disk";
import {
  backupName,
  canonicalJson,
  limits,
  quarantineFolder,
  sha256,
  stateName,
  timeStamp,
  type Hash,
} from "@taskwal/format";
import { copyFile } from "./copy-file.ts";
import { pieceText } from "./json-piece.ts";
import { readSnapshotHead } from "./read-snapshot.ts";
import { checksumLine, type SnapshotSource } from "./snapshot-format.ts";

/** Which file we mean by "our state.json": an edit changes one of these. */
export type KnownState = Pick<FileStat, "inode" | "sizeBytes" | "modified">;

export interface SavedSnapshot {
  readonly sequence: number;
  readonly sizeBytes: number;
  /** The state.json that was put in place. */
  readonly stat: KnownState;
  /** The name under which the old one is kept, if there was one. */
  readonly backup: string | undefined;
  /** The name under which a foreign state.json was set aside, if there was one. */
  readonly quarantined: string | undefined;
}

export interface SaveOptions {
  readonly clock: Clock;
  /** The state.json that we wrote or read last; undefined if none of ours is known. */
  readonly previous: KnownState | undefined;
}

const temporaryName = `${stateName}.tmp`;
const sliceChars = 64 * 1024;
/** How long the event loop may be held at a time, in milliseconds. */
const sliceMs = 4;

/**
 * Durable on return. On failure the old state.json stands (or, if only the last sync failed, the new
 * one); errors of the disk pass through.
 */
export const saveSnapshot = async (
  directory: Directory,
  source: SnapshotSource,
  { clock, previous }: SaveOptions,
): Promise<SavedSnapshot> => {
  const stat = await writeTemporary(directory, source, clock);
  const old = await keepOld(directory, clock, previous);
  await directory.rename(temporaryName, stateName);
  // Makes the new name durable, and the backup's with it: before anything older is pruned.
  await directory.syncFolder(".");
  return { sequence: source.head.sequence, sizeBytes: stat.sizeBytes, stat, ...old };
};

const writeTemporary = async (
  directory: Directory,
  source: SnapshotSource,
  clock: Clock,
): Promise<FileStat> => {
  if (await directory.stat(temporaryName)) await directory.remove(temporaryName);
  const file = await directory.create(temporaryName);
  try {
    const sizeBytes = await new SlicedWriter(file, clock).write(source);
    const stat = await file.stat();
    if (stat.sizeBytes !== sizeBytes) {
      const found = `wrote ${sizeBytes} bytes, found ${stat.sizeBytes}`;
      throw Object.assign(new Error(found), { code: "EIO" });
    }
    // Before the rename: without it a power cut can leave the new name with no bytes behind it.
    await file.sync();
    return stat;
  } finally {
    await file.close();
  }
};

/** Turns a source into bytes without holding the event loop for longer than sliceMs. */
class SlicedWriter {
  readonly #file: File;
  readonly #clock: Clock;
  readonly #hash: Hash = sha256();
  #text: string[] = [];
  #chars = 0;
  #bytes = 0;
  #sinceMs: number;

  constructor(file: File, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Returns the size of the file. */
  async write(source: SnapshotSource): Promise<number> {
    for (const text of snapshotText(source)) {
      this.#text.push(text);
      this.#chars += text.length;
      if (this.#chars >= sliceChars) await this.#flush();
      else if (this.#clock.monotonicMs() - this.#sinceMs > sliceMs) await this.#pause();
    }
    await this.#flush();
    const end = Buffer.from(checksumLine(this.#hash.digest("hex")), "latin1");
    await this.#file.write(end, this.#bytes);
    return this.#bytes + end.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#text.join(""), "utf8");
    this.#text = [];
    this.#chars = 0;
    this.#hash.update(bytes);
    await this.#file.write(bytes, this.#bytes);
    this.#bytes += bytes.length;
    if (this.#clock.monotonicMs() - this.#sinceMs > sliceMs) await this.#pause();
  }

  async #pause(): Promise<void> {
    await this.#clock.yield();
    this.#sinceMs = this.#clock.monotonicMs();
  }
}

function* snapshotText({ head, summary, collections, engine }: SnapshotSource): Generator<string> {
  const { store, epoch, sequence, last, schema, last_saved } = head;
  const first = { version: "1.0.0", format: limits.formatVersion, store, epoch, sequence, last, schema, last_saved };
  yield `${JSON.stringify(first).slice(0, -1)},\n`;
  for (const [key, value] of Object.entries(summary)) {
    yield `${JSON.stringify(key)}:${canonicalJson(value)},\n`;
  }
  for (const { name, entities } of collections) {
    yield `${JSON.stringify(name)}:[\n`;
    let between = "";
    for (const entity of entities) {
      yield between;
      yield* pieceText(entity);
      between = ",\n";
    }
    yield between === "" ? "],\n" : "\n],\n";
  }
  yield '"engine":';
  yield* pieceText(engine);
  yield ",\n";
}

/** Gives the old state.json a second name: a backup if it is ours, under quarantine/ if it is not. */
const keepOld = async (
  directory: Directory,
  clock: Clock,
  previous: KnownState | undefined,
): Promise<Pick<SavedSnapshot, "backup" | "quarantined">> => {
  const stat = await directory.stat(stateName);
  if (!stat) return { backup: undefined, quarantined: undefined };
  const ours =
    previous?.inode === stat.inode &&
    previous.sizeBytes === stat.sizeBytes &&
    previous.modified === stat.modified;
  const head = await readSnapshotHead(directory, stateName);
  if (ours && head.kind === "ours") {
    const atMs = Date.parse(head.head.last_saved);
    return { backup: await linkBackup(directory, atMs, head.head.sequence), quarantined: undefined };
  }
  await directory.createFolder(quarantineFolder);
  // Before the folder holds the only name of a file that somebody may miss.
  await directory.syncFolder(".");
  const quarantined = `${quarantineFolder}/${stateName}.${timeStamp(clock.now())}`;
  await linkOrCopy(directory, stateName, quarantined);
  await directory.syncFolder(quarantineFolder);
  return { backup: undefined, quarantined };
};

const linkBackup = async (directory: Directory, atMs: number, sequence: number): Promise<string> => {
  for (let at = atMs; ; at += 1) {
    const name = backupName(at, sequence);
    const taken = await directory.stat(name);
    if (taken) {
      const old = await directory.stat(stateName);
      if (taken.inode === old?.inode) return name;
      continue;
    }
    await linkOrCopy(directory, stateName, name);
    return name;
  }
};

const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

const linkOrCopy = async (directory: Directory, from: string, to: string): Promise<void> => {
  try {
    await directory.link(from, to);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    if (!noLinks.has(errnoOf(error) ?? "")) throw error;
    await copyFile(directory, from, to);
  }
};
