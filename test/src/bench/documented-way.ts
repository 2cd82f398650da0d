/**
 * The way of the orchestrator that is replaced, as its documentation describes it: whole files, again and again.
 *
 *     log line         the task's file is written anew
 *     change           the task's file is written anew, then a backup of state.json, then state.json
 *
 *     tmp ─ write ─ fsync ─ rename over ─ fsync of the directory        ten backups are kept
 *
 * The rule: at our durability, because what it does today (no sync, in place) survives no crash. Each step is
 * the cheapest that keeps it: a backup is a hard link, not a copy.
 */
import { mkdirSync } from "node:fs";
import { link, open, rename, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

const backupsMax = 10;

export class DocumentedWay {
  readonly #dir: string;
  readonly #backups: string[] = [];
  #saves = 0;
  /** What was written so far, in bytes. */
  writtenBytes = 0;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(join(dir, "tasks"), { recursive: true });
  }

  async saveTask(id: string, json: string): Promise<void> {
    await this.#replace(join(this.#dir, "tasks", `${id}.json`), json);
  }

  async saveState(json: string): Promise<void> {
    const path = join(this.#dir, "state.json");
    if (this.#saves > 0) {
      const backup = join(this.#dir, `state.backup.${String(this.#saves).padStart(12, "0")}.json`);
      await link(path, backup);
      this.#backups.push(backup);
    }
    this.#saves += 1;
    await this.#replace(path, json);
    if (this.#backups.length > backupsMax) await unlink(this.#backups.shift() ?? "");
  }

  async #replace(path: string, json: string): Promise<void> {
    const file = await open(`${path}.tmp`, "w");
    try {
      await file.writeFile(json);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncDirectory(dirname(path));
    this.writtenBytes += Buffer.byteLength(json);
  }
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory: FileHandle = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};
