/**
 * The state after a record, as a store of its own.
 *
 *     source (read only)   ══════ @N ─────        into   state @N ─ wal/ from N+1: $mark {restored}
 *
 * The rule: the state and not the history: that stays in the source. What the state lacks is told in the new store too.
 */
import { openNodeDisk, type Disk } from "@taskwal/disk";
import type { LogEntry } from "@taskwal/log";
import type { Model } from "./define-model.ts";
import { makeDirectory } from "./new-directory.ts";
import { fillStore, seedOfState, systemEntry } from "./new-store.ts";
import { statePoint } from "./state-point.ts";
import { gapType, lostType, type GapData, type LostData, type Span } from "./system-record.ts";

export interface RestoreOptions {
  readonly dir: string;
  /** The new directory: missing or empty, and not within `dir`. */
  readonly to: string;
  readonly model: Model;
  /** The state after this record. Default: the last one. */
  readonly sequence?: number | undefined;
  /** Ends it: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the real one. */
  readonly disk?: Disk | undefined;
}

export interface Restored {
  /** The store that it was restored from, and the sequence there. */
  readonly store: string;
  readonly sequence: number;
  /** Sequences that the state lacks: told in the new store. */
  readonly lost: readonly Span[];
}

/**
 * On return `to` is durable, complete and closed, and its state was read back and compared; `dir` is as it was. Throws
 * RangeError if there is no such point, ReplayFailedError, CorruptError, UnsupportedFormatError, DiskFailedError (also if
 * `to` is in use), the signal's reason; then `to` is as it was.
 */
export const restoreStore = async (options: RestoreOptions): Promise<Restored> => {
  const { disk = openNodeDisk(), dir, to, model, signal } = options;
  const place = { disk, from: dir, to, operation: "restore", signal };
  return makeDirectory(place, async (directory) => {
    const point = await statePoint({ ...options, disk });
    const { store, sequence, lost, history } = point;
    await fillStore(directory, {
      disk,
      model,
      by: "restored",
      origin: { store, sequence },
      behind: { sequence, epoch: history.listing.epochMax },
      entries: told(lost, disk.clock.now()),
      snapshots: (async function* () {
        yield await seedOfState({ disk, model }, point, sequence);
      })(),
      expected: point,
      signal,
    });
    return { store, sequence, lost };
  });
};

async function* told(lost: readonly Span[], at: number): AsyncGenerator<LogEntry, void, void> {
  if (lost.length === 0) return;
  // Accounted for, so that no snapshot is taken for one from before the loss.
  const gap: GapData = { lost, entities: [], unattributed: 0, bytes: [], report: "" };
  yield systemEntry(gapType, gap, at);
  yield systemEntry(lostType, { lost } satisfies LostData, at);
}
