/**
 * Where the facts of `health()` come from: a store that writes, and one that reads.
 *
 * The rule: nothing here asks the disk by itself; health.ts asks, so that one bound holds for all of it.
 */
import { stateName } from "@taskwal/format";
import { readSnapshotHead } from "@taskwal/snapshot";
import type { Directory } from "@taskwal/disk";
import type { HealthSource } from "./health.ts";
import type { LastSave } from "./monitor.ts";
import type { ReaderHost } from "./reader-host.ts";
import type { StoreEngine } from "./store-engine.ts";

/** What the first line of state.json says: unverified, and at any time. */
const savedLast = async (directory: Directory): Promise<LastSave | undefined> => {
  const reading = await readSnapshotHead(directory, stateName);
  if (reading.kind !== "ours") return undefined;
  const { last_saved, sequence } = reading.head;
  return { atMs: Date.parse(last_saved), sequence };
};

export const writerSource = (engine: StoreEngine, isClosed: boolean): HealthSource => {
  const { parts, queue, monitor, autosave, settings } = engine;
  const { directory, log, lock } = parts;
  return {
    directory,
    clock: settings.disk.clock,
    model: settings.model,
    alarms: monitor.alarms,
    isClosed,
    isBackupFailing: monitor.isBackupFailing,
    log: {
      sequence: log.last,
      durable: log.durable,
      epoch: log.epoch,
      lockBackend: lock.backend,
      poisoned: log.poison,
    },
    queue: { length: queue.length, bytes: queue.queueBytes, bytesMax: settings.queueBytesMax },
    lag: autosave.lag,
    damagedCount: parts.recovered.state.damagedCount,
    heldCount: parts.recovered.state.held.size,
    lastSave: async () => monitor.lastSave ?? savedLast(directory),
  };
};

export const readerSource = (host: ReaderHost): HealthSource => {
  const { directory, settings, sequence } = host;
  return {
    directory,
    clock: settings.disk.clock,
    model: settings.model,
    alarms: undefined,
    isClosed: host.closed,
    isBackupFailing: false,
    log: {
      sequence,
      durable: sequence,
      epoch: host.epoch,
      lockBackend: undefined,
      poisoned: undefined,
    },
    queue: { length: 0, bytes: 0, bytesMax: 0 },
    lag: { records: 0, ms: 0 },
    damagedCount: host.damagedCount,
    heldCount: host.held.size,
    lastSave: () => savedLast(directory),
  };
};
