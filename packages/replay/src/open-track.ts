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
import {
  historySnapshots,
  listItems,
  readHistory,
  type History,
  type ListView,
  type Model,
  type Slot,
  type SlotChange,
} from "@taskwal/core";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { isSameJson, type JsonValue } from "@taskwal/format";
import { TrackBuilder } from "./build-track.ts";
import { openCache, type Cache } from "./cache-directory.ts";
import { entityRefOf, slotsAt } from "./entity-rows.ts";
import { logReportOf } from "./log-report.ts";
import type { EntityRef } from "./offline.ts";
import { fieldSetsOf, type ComparedSnapshot, type Track } from "./track.ts";
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
    const history = await readHistory({ dir, model, start, signal, onProgress, disk });
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
    const compared = await comparedSnapshots(dir, model, disk, history, track);
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

/**
 * The newest snapshot that is not above the log; if that is not what the log comes to, the older ones too, to tell from
 * where on.
 */
const comparedSnapshots = async (
  dir: string,
  model: Model,
  disk: Disk,
  history: History,
  track: Track,
): Promise<readonly ComparedSnapshot[]> => {
  const compared: ComparedSnapshot[] = [];
  for await (const snapshot of historySnapshots({ dir, model, disk }, history)) {
    const { name, sequence, slots } = snapshot;
    if (sequence > history.last || sequence <= (history.base?.sequence ?? 0)) continue;
    const differing = await differingEntities(track, sequence, slots);
    compared.unshift({ name, sequence, differing: differing.length, first: differing[0] });
    if (differing.length === 0) break;
  }
  return compared;
};

const differingEntities = async (
  track: Track,
  sequence: number,
  slots: Iterable<SlotChange>,
): Promise<EntityRef[]> => {
  const { entities } = track;
  /** What the snapshot has, until the log has told the same. */
  const open = new Map<string, Slot>();
  for (const { entity, id, after } of slots) {
    if (after.value !== undefined) open.set(`${entity.name}\n${id}`, after);
  }
  const unknown: string[] = [];
  for await (const [ordinal, slot] of slotsAt(track, [...entities.list.keys()], sequence)) {
    const name = entities.list[ordinal] ?? "";
    const known = open.get(name);
    if (known && isSameSlot(slot, known)) open.delete(name);
    else if (!known && slot.value !== undefined) unknown.push(name);
  }
  return [...open.keys(), ...unknown].map(entityRefOf);
};

const isSameSlot = (one: Slot, other: Slot): boolean =>
  isSameJson(one.value, other.value) &&
  Object.keys({ ...one.lists, ...other.lists }).every((name) =>
    isSameJson(itemsOf(one.lists?.[name]), itemsOf(other.lists?.[name])),
  );

const itemsOf = (view: ListView | undefined): readonly JsonValue[] =>
  view ? [...listItems(view)] : [];
