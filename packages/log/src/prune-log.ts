/**
 * Removes segments that nothing needs: below the oldest kept backup, beyond the history budget.
 *
 *     |--- pruned ---|--- history (budget) ---|oldest backup ... needed ... active|
 *
 * The rule: only whole segments go, the oldest first, so that a crash leaves a log without a hole; and
 * only after the snapshot that replaces them is durable (the caller's to know).
 */
import type { Directory } from "@taskwal/disk";
import { walFolder } from "@taskwal/format";
import { pruneClaims } from "./claim-epoch.ts";
import { listLog } from "./segment-list.ts";

export interface PruneOptions {
  /** The oldest kept snapshot's sequence: every record above it stays. */
  readonly below: number;
  /** Older segments stay as history within these. */
  readonly historyBytesMax: number;
  readonly historyFilesMax: number;
  /** The segment that is being written: it stays whatever it holds. */
  readonly active: string | undefined;
  readonly epoch: number;
}

/** Returns the names that were removed. A removal that a crash takes back is made again next time. */
export const pruneLog = async (directory: Directory, options: PruneOptions): Promise<string[]> => {
  const { segments, overridden } = await listLog(directory);
  // What is overridden goes before what overrides it: without that it would count again.
  const old = [...overridden, ...segments].filter(
    ({ name, lastMax }) => name !== options.active && lastMax <= options.below,
  );
  let bytes = old.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  let files = old.length;
  const removed: string[] = [];
  for (const segment of old) {
    if (bytes <= options.historyBytesMax && files <= options.historyFilesMax) break;
    await directory.remove(segment.name);
    // Before the next one: else a power cut could take this removal back and not that one, a hole.
    await directory.syncFolder(walFolder);
    removed.push(segment.name);
    bytes -= segment.sizeBytes;
    files -= 1;
  }
  if (removed.length > 0) await pruneClaims(directory, options.epoch);
  return removed;
};
