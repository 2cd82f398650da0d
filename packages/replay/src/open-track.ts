/**
 * The track of a directory: the one in the cache, or a new one.
 *
 *     print ─> in the cache? ─ yes ─> loaded
 *                └ no ─> the log is read ─> compared with its snapshots ─> saved ─> loaded
 *
 * The rule: one pass over the log, memory for the state and the rows; what was made is read back and checked before it
 * is believed, so that an answer is the same from a track that was just made and from one of last week.
 */
import { randomBytes } from "node:crypto";
import { readHistory, type Model } from "@taskwal/core";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { TrackBuilder } from "./build-track.ts";
import { openCache, type Cache } from "./cache-directory.ts";
import { comparedSnapshots } from "./compare-snapshots.ts";
import { logReportOf } from "./log-report.ts";
import { fieldSetsOf, type Track } from "./track.ts";
import {
  loadTrack,
  nameTrack,
  readTrack,
  removeUnfinished,
  trackPrint,
  unfinishedName,
  writeTrack,
} from "./track-file.ts";
import { DamagedTrack, ValueReader, ValueWriter } from "./value-file.ts";

export interface OpenTrackOptions {
  readonly dir: string;
  readonly model: Model;
  readonly cacheDir?: string | false | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((at: { readonly sequence: number; readonly last: number }) => void)
    | undefined;
}

export interface OpenTrack {
  readonly track: Track;
  close(): Promise<void>;
}

/** Throws what `readHistory` throws, and a RangeError for a cache within the directory. */
export const openTrack = async (options: OpenTrackOptions): Promise<OpenTrack> => {
  const { dir, model, cacheDir } = options;
  const disk = openNodeDisk();
  const cache = await openCache(disk, dir, cacheDir);
  try {
    const print = await trackPrint(disk, dir, model);
    const track =
      (await loadTrack(cache.directory, print)) ?? (await makeTrack(options, disk, cache, print));
    const { values } = track;
    return {
      track,
      close: async () => {
        await values.close();
        await cache.close();
      },
    };
  } catch (error) {
    await cache.close();
    throw error;
  }
};

const makeTrack = async (
  { dir, model, signal, onProgress }: OpenTrackOptions,
  disk: Disk,
  { directory }: Cache,
  print: string,
): Promise<Track> => {
  const unfinished = unfinishedName(print, randomBytes(4).toString("hex"));
  const file = await directory.create(`${unfinished}.values`);
  try {
    let writer = new ValueWriter(file);
    let builder = new TrackBuilder(writer);
    const start = (): TrackBuilder => {
      writer = new ValueWriter(file);
      builder = new TrackBuilder(writer);
      return builder;
    };
    const history = await readHistory({
      dir,
      model,
      fromNothing: true,
      start,
      signal,
      onProgress,
      disk,
    });
    const blockCrcs = await writer.end();
    const log = logReportOf(history);
    const { boots, marks, recordCount, modelHash } = builder;
    const meta = { log, boots, marks, recordCount, modelHash, compared: [] };
    const values = new ValueReader(file, blockCrcs);
    const { rows, entities, types, actors, fieldSets } = builder;
    const track = {
      ...meta,
      rows,
      entities,
      types,
      actors,
      fieldSets: fieldSetsOf(fieldSets.list),
      values,
    };
    const compared = await comparedSnapshots({ dir, model, disk }, history, track);
    await writeTrack(directory, unfinished, { meta: { ...meta, compared }, builder, blockCrcs });
    // By its open file it is read on, whoever gives its name to another track meanwhile.
    const made = await readTrack(directory, unfinished);
    if (!made) throw new DamagedTrack("a track that was just made");
    await nameTrack(directory, print, unfinished, log.store);
    return made;
  } finally {
    await file.close();
    await removeUnfinished(directory, unfinished);
  }
};
