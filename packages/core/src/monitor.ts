/**
 * What a store keeps of its own work for those who watch it: counts (telemetry.ts) and alarms (alarms.ts).
 *
 *     watched directory ─ wrote, synced, replaced, failed ─┐
 *     engine ─ loaded, durable, saved, saveFailed ─────────┴─> counts, alarms, "log:synced"
 *
 * The rule: it lives as long as the store, across reopenings, and nothing waits for it.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory } from "@taskwal/disk";
import { headName } from "@taskwal/format";
import { Alarms } from "./alarms.ts";
import type { Model } from "./define-model.ts";
import { partOf } from "./directory-usage.ts";
import type { Events, StoreEvents } from "./events.ts";
import { Counts } from "./telemetry.ts";
import { watchedDirectory, type WatchedPart } from "./watched-directory.ts";

/** A snapshot that was written: milliseconds since the epoch, and what it holds. */
export interface LastSave {
  readonly atMs: number;
  readonly sequence: number;
}

/** Answers that a caller asks for: a name that is taken or gone, a file system without links. */
const answers = new Set("EEXIST ENOENT ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV".split(" "));

export class Monitor {
  readonly counts = new Counts();
  readonly alarms: Alarms;
  /** The last save of this process, if there was one. */
  lastSave: LastSave | undefined;
  /** The last save could not keep the old state.json as a backup. */
  isBackupFailing = false;
  readonly #events: Events<StoreEvents>;
  readonly #model: Model;

  constructor(events: Events<StoreEvents>, model: Model, diskLowBytes: number | undefined) {
    this.#events = events;
    this.#model = model;
    this.alarms = new Alarms(events, diskLowBytes);
  }

  /** The same directory, watched from here on. */
  watch(directory: Directory, clock: Clock): Directory {
    return watchedDirectory(directory, clock, (name) => this.#watching(directory, name));
  }

  durable(records: number): void {
    if (records === 0) return;
    this.counts.batches += 1;
    this.counts.records += records;
  }

  /** A snapshot is in place; what is old may still stand behind it. */
  placed(save: LastSave, backup: string | undefined): void {
    if (backup !== undefined) this.counts.backups += 1;
    this.lastSave = save;
    this.isBackupFailing = false;
  }

  /** All of a save is done. */
  saved(durationMs: number): void {
    this.counts.saves.observe(durationMs);
    this.alarms.saved();
  }

  saveFailed(error: Error): void {
    this.counts.saveFailures += 1;
    this.alarms.saveFailed(error);
  }

  backupFailed(error: Error): void {
    this.counts.backupFailures += 1;
    this.isBackupFailing = true;
    this.#events.emit("backup:failed", { error });
  }

  #watching(directory: Directory, name: string): WatchedPart {
    const { counts, alarms } = this;
    const part = partOf(this.#model, name);
    // Until it takes its place, a part of a whole file proves no room for the rest of it.
    const isPiece = name.endsWith(".tmp") && part !== "log";
    // HEAD is written over in its place: that takes no room, and proves none.
    const isHead = name === headName;
    const isSegment = part === "log" && !isHead;
    return {
      wrote: (bytes) => {
        counts.writtenBytes[part] += bytes;
        if (!isPiece && !isHead) alarms.wrote(part, bytes);
      },
      synced: (durationMs) => {
        if (!isSegment) return;
        counts.syncs.observe(durationMs);
        if (this.#events.hears("log:synced")) this.#events.emit("log:synced", { durationMs });
      },
      replaced: () => alarms.wrote(part, Number.POSITIVE_INFINITY),
      failed: (error, bytes) => {
        const errno = errnoOf(error);
        // What is no error of the system says nothing of the disk.
        if (errno === undefined || answers.has(errno)) return;
        counts.diskFailures += 1;
        const path = `${directory.path}/${name}`.replace(/\/\.$/, "");
        const isNoRoom = alarms.failed({ part, path, bytes, error });
        if (isNoRoom) void alarms.look(directory);
      },
    };
  }
}
