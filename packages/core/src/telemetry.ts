/**
 * What a store counts of its own work, from its opening on, across `reopen`.
 *
 * The rule: numbers and durations only, never anything of an entity; counted per batch, save or file, never per
 * mutation, so that nobody pays for what he does not read.
 */
import { directoryParts, type DirectoryPart } from "./directory-usage.ts";
import { isCorruption, type RecoveryReport } from "./recovery-report.ts";
import { Histogram, type HistogramReading } from "./histogram.ts";

/** All counts begin at 0 with `openStore` and only grow. */
export interface Telemetry {
  /** Openings: the first one, and each `reopen`. */
  readonly loads: HistogramReading;
  /** Openings that found lost or damaged records, or a snapshot that could not be used. */
  readonly corruptions: number;
  /** Snapshots that are in place. */
  readonly saves: HistogramReading;
  /** Snapshots that could not be written. */
  readonly saveFailures: number;
  readonly backups: number;
  readonly backupFailures: number;
  /** Syncs of the log, from the call to its return: where write and sync are one call, both. */
  readonly syncs: HistogramReading;
  /** Batches of mutations that became durable. */
  readonly batches: number;
  /** Mutations that became durable. */
  readonly records: number;
  /** Calls that should have changed the disk and failed. */
  readonly diskFailures: number;
  /** Bytes handed to the disk, by part of the directory. */
  readonly writtenBytes: Readonly<Record<DirectoryPart, number>>;
}

export class Counts {
  readonly loads = new Histogram();
  readonly saves = new Histogram();
  readonly syncs = new Histogram();
  corruptions = 0;
  saveFailures = 0;
  backups = 0;
  backupFailures = 0;
  batches = 0;
  records = 0;
  diskFailures = 0;
  readonly writtenBytes = Object.fromEntries(directoryParts.map((part) => [part, 0])) as Record<
    DirectoryPart,
    number
  >;

  loaded(report: RecoveryReport): void {
    this.loads.observe(report.durationMs);
    if (isCorruption(report)) this.corruptions += 1;
  }

  read(): Telemetry {
    const { corruptions, saveFailures, backups, backupFailures } = this;
    const { batches, records, diskFailures } = this;
    return {
      loads: this.loads.read(),
      corruptions,
      saves: this.saves.read(),
      saveFailures,
      backups,
      backupFailures,
      syncs: this.syncs.read(),
      batches,
      records,
      diskFailures,
      writtenBytes: { ...this.writtenBytes },
    };
  }
}
