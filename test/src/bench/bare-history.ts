/**
 * What reading a whole log costs at least, before anything is kept of it.
 *
 *     lines    read, verified by CRC-32, parsed, judged            replayLog, as every opening does it
 *     fold     the same, and each record through its reducer       readHistory, with a visitor that does nothing
 *
 * The rule: the code of recovery itself, from the first record on, without a snapshot.
 */
import { readHistory } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { listLog, replayLog } from "@taskwal/log";
import { taskModel } from "@taskwal/tasks";

export interface BareReading {
  readonly ms: number;
  /** Those that the log holds: two readings that took the same way found as many. */
  readonly records: number;
}

export const readLines = async (dir: string): Promise<BareReading> => {
  const startMs = performance.now();
  const directory = await openNodeDisk().openDirectory(dir);
  const listing = await listLog(directory, undefined, { onReadError: "throw" });
  let records = 0;
  const options = { base: 0, promised: 0, onReadError: "throw" } as const;
  for await (const step of replayLog(directory, listing, options))
    if (step.kind === "records") records += step.records.length;
  await directory.close();
  return { ms: performance.now() - startMs, records };
};

export const foldHistory = async (dir: string): Promise<BareReading> => {
  const startMs = performance.now();
  let records = 0;
  const start = () => {
    records = 0;
    return { record: () => void (records += 1), dropped: () => {}, correct: () => {} };
  };
  await readHistory({ dir, model: taskModel, start });
  return { ms: performance.now() - startMs, records };
};
