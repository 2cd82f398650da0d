/**
 * What is measured of a store: one table, read by all who publish it.
 *
 *     telemetry() ─┐                     ┌─ prometheus-text.ts   taskwal_disk_written_bytes_total{part="log"}
 *     health() ────┴─> amounts, durations ┴─ observe.ts          taskwal.disk.written, By
 *
 * The rule: base units (seconds, bytes); labels come from lists that this program knows, never from ids or payloads.
 * What the disk did not say has no point.
 */
import {
  directoryParts,
  type DirectoryPart,
  type Health,
  type HistogramReading,
  type Telemetry,
} from "@taskwal/core";

export interface Seen {
  readonly telemetry: Telemetry;
  readonly health: Health;
}

export interface Point {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

interface Named {
  /** As OpenTelemetry spells it: "taskwal.disk.written". */
  readonly name: string;
  readonly help: string;
  /** As UCUM spells it: seconds, bytes, or what is counted. */
  readonly unit: "s" | "By" | `{${string}}`;
}

/** A number at a time: a `counter` only grows while the store is open, a `gauge` comes and goes. */
export interface Amount extends Named {
  readonly kind: "counter" | "gauge";
  readonly read: (seen: Seen) => readonly Point[];
}

/** How long something took. */
export interface Duration extends Named {
  readonly unit: "s";
  readonly read: (telemetry: Telemetry) => HistogramReading;
}

export const durations = {
  load: {
    name: "taskwal.load.duration",
    help: "Openings and reopenings, from the call to a state in memory.",
    unit: "s",
    read: ({ loads }) => loads,
  },
  save: {
    name: "taskwal.save.duration",
    help: "Snapshots that are in place, from the call to the last pruned file.",
    unit: "s",
    read: ({ saves }) => saves,
  },
  sync: {
    name: "taskwal.log.sync.duration",
    help: "Syncs of the log; where write and sync are one call, both.",
    unit: "s",
    read: ({ syncs }) => syncs,
  },
} as const satisfies Record<string, Duration>;

const one = (value: number | undefined): readonly Point[] =>
  value === undefined ? [] : [{ value, labels: {} }];

const whether = (is: boolean): readonly Point[] => one(is ? 1 : 0);

const byPart = (read: (part: DirectoryPart) => number | undefined): readonly Point[] =>
  directoryParts.flatMap((part) =>
    one(read(part)).map(({ value }) => ({ value, labels: { part } })),
  );

const counter = (
  name: string,
  unit: Named["unit"],
  help: string,
  read: Amount["read"],
): Amount => ({
  name,
  unit,
  help,
  kind: "counter",
  read,
});

const gauge = (name: string, unit: Named["unit"], help: string, read: Amount["read"]): Amount => ({
  ...counter(name, unit, help, read),
  kind: "gauge",
});

const counters: readonly Amount[] = [
  counter(
    "taskwal.save.failures",
    "{save}",
    "Snapshots that could not be written.",
    ({ telemetry }) => one(telemetry.saveFailures),
  ),
  counter(
    "taskwal.backup.created",
    "{backup}",
    "Backups that were linked or copied.",
    ({ telemetry }) => one(telemetry.backups),
  ),
  counter(
    "taskwal.backup.failures",
    "{backup}",
    "Saves that could not keep the old state.json.",
    ({ telemetry }) => one(telemetry.backupFailures),
  ),
  counter(
    "taskwal.corruptions",
    "{opening}",
    "Openings that found lost or damaged records, or a snapshot that could not be used.",
    ({ telemetry }) => one(telemetry.corruptions),
  ),
  counter(
    "taskwal.log.batches",
    "{batch}",
    "Batches of mutations that became durable.",
    ({ telemetry }) => one(telemetry.batches),
  ),
  counter("taskwal.log.records", "{record}", "Mutations that became durable.", ({ telemetry }) =>
    one(telemetry.records),
  ),
  counter(
    "taskwal.disk.failures",
    "{call}",
    "Calls that should have changed the disk and failed.",
    ({ telemetry }) => one(telemetry.diskFailures),
  ),
  counter(
    "taskwal.disk.written",
    "By",
    "Bytes handed to the disk, by part of the directory.",
    ({ telemetry }) => byPart((part) => telemetry.writtenBytes[part]),
  ),
];

const statuses = ["ok", "degraded", "failed"] as const;

const gauges: readonly Amount[] = [
  gauge("taskwal.status", "{store}", "1 for the status that the store has.", ({ health }) =>
    statuses.map((status) => ({
      value: health.status === status ? 1 : 0,
      labels: { status },
    })),
  ),
  gauge(
    "taskwal.directory.writable",
    "{store}",
    "1 if a write is expected to succeed.",
    ({ health }) => whether(health.directory.writable),
  ),
  gauge(
    "taskwal.log.poisoned",
    "{store}",
    "1 if nothing can be written until the store is reopened.",
    ({ health }) => whether(health.log.poisoned !== undefined),
  ),
  gauge(
    "taskwal.backup.failing",
    "{store}",
    "1 if the last save could not keep the old state.json.",
    ({ health }) => whether(health.backups.isFailing),
  ),
  gauge(
    "taskwal.disk.free",
    "By",
    "Bytes of the file system that this user may still take.",
    ({ health }) => one(health.disk?.freeBytes),
  ),
  gauge("taskwal.disk.size", "By", "Bytes of the file system.", ({ health }) =>
    one(health.disk?.totalBytes),
  ),
  gauge(
    "taskwal.directory.size",
    "By",
    "Bytes of the files of each part; of many files an estimate.",
    ({ health }) => byPart((part) => health.directory.usage?.[part].bytes),
  ),
  gauge("taskwal.directory.files", "{file}", "Files of each part.", ({ health }) =>
    byPart((part) => health.directory.usage?.[part].files),
  ),
  gauge(
    "taskwal.save.last.timestamp",
    "s",
    "When the newest snapshot was saved, since the epoch.",
    ({ health }) => one(health.saves.last && health.saves.last.atMs / 1_000),
  ),
  gauge(
    "taskwal.save.failures.in_row",
    "{save}",
    "Saves that failed since the last that succeeded.",
    ({ health }) => one(health.saves.failuresInRow),
  ),
  gauge(
    "taskwal.save.lag.records",
    "{record}",
    "Durable records that are in no snapshot yet.",
    ({ health }) => one(health.saves.lagRecords),
  ),
  gauge(
    "taskwal.save.lag.duration",
    "s",
    "For how long the oldest of them has been so, at most.",
    ({ health }) => one(health.saves.lagMs / 1_000),
  ),
  gauge("taskwal.backup.files", "{file}", "Backups of state.json that are kept.", ({ health }) =>
    one(health.backups.count),
  ),
  gauge("taskwal.log.sequence", "{record}", "The last sequence that was written.", ({ health }) =>
    one(health.log.sequence),
  ),
  gauge(
    "taskwal.log.durable",
    "{record}",
    "The last sequence that survives a power cut.",
    ({ health }) => one(health.log.durable),
  ),
  gauge("taskwal.log.epoch", "{opening}", "The number of this opening for writing.", ({ health }) =>
    one(health.log.epoch),
  ),
  gauge("taskwal.queue.calls", "{call}", "Calls that wait or are being written.", ({ health }) =>
    one(health.queue.length),
  ),
  gauge("taskwal.queue.size", "By", "Bytes that they take.", ({ health }) =>
    one(health.queue.bytes),
  ),
  gauge("taskwal.queue.limit", "By", "Beyond so many bytes calls are refused.", ({ health }) =>
    one(health.queue.bytesMax),
  ),
  gauge(
    "taskwal.entities.damaged",
    "{entity}",
    "Entities that lost mutations and were not accepted since.",
    ({ health }) => one(health.damagedCount),
  ),
  gauge(
    "taskwal.entities.held",
    "{id}",
    "Ids with records that only a newer program knows.",
    ({ health }) => one(health.heldCount),
  ),
];

export const amounts: readonly Amount[] = [...counters, ...gauges];
