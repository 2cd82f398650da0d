/**
 * The answers of offline.ts: one file each, from the track of the directory.
 *
 *     open ─> track (open-track.ts) ─> state-at, diff-points, field-setters, entity-changes, directory-info
 *                                      read-records, check-files, compare-models, tail: from the files themselves
 *
 * The rule: nothing is written in the directory.
 */
import { openNodeDisk } from "@taskwal/disk";
import { verifyDirectory } from "./check-files.ts";
import { compareModels } from "./compare-models.ts";
import { diffPoints } from "./diff-points.ts";
import { directoryInfo } from "./directory-info.ts";
import { flipsOf, traceOf } from "./entity-changes.ts";
import { entityRef } from "./entity-rows.ts";
import { blamedFields } from "./field-setters.ts";
import { endOfLog } from "./log-report.ts";
import type { Offline, OfflineOptions } from "./offline.ts";
import { openTrack } from "./open-track.ts";
import { pointOf } from "./points.ts";
import { provenanceOf } from "./provenance.ts";
import { recordsOf } from "./read-records.ts";
import { openSingleFile } from "./single-file.ts";
import { stateAt } from "./state-at.ts";
import { tailOf } from "./tail.ts";

/**
 * Opens a state directory for reading, or one file of it: a segment or a snapshot, of which nothing is kept behind `close`.
 * Beside a living writer only what is durable is told. Throws UnsupportedFormatError, CorruptError where there is nothing that
 * reads, DiskFailedError; a RangeError for a cache within the directory.
 */
export const openOffline = async (path: string, options: OfflineOptions): Promise<Offline> => {
  const single = await openSingleFile(openNodeDisk(), path);
  if (!single) return openDirectory(path, options);
  try {
    const offline = await openDirectory(single.dir, { ...options, cacheDir: false });
    return {
      ...offline,
      info: async () => ({ ...(await offline.info()), directory: path }),
      close: async () => {
        try {
          await offline.close();
        } finally {
          await single.close();
        }
      },
    };
  } catch (error) {
    await single.close();
    throw error;
  }
};

const openDirectory = async (dir: string, options: OfflineOptions): Promise<Offline> => {
  const { model } = options;
  const trackOptions = { dir, ...options };
  const opened = await openTrack(trackOptions);
  const { track } = opened;
  const { base } = track.log;
  const last = endOfLog(track.log);
  const first = base?.sequence ?? 0;
  return {
    info: () => directoryInfo(dir, model, track),
    point: async (text) => pointOf(text, track),
    records: (range) => recordsOf(dir, model, track, range),
    stateAt: async (sequence) => stateAt(track, model, sequence),
    known: () => [...track.entities.list.keys()].map((ordinal) => entityRef(track, ordinal)),
    diff: (a, b) => diffPoints(track, a, b),
    blame: async ({ entity, id }, sequence = last) => {
      const ordinal = track.entities.find(`${entity}\n${id}`);
      const fields = ordinal === undefined ? [] : await blamedFields(track, ordinal, sequence);
      return { provenance: provenanceOf(track, sequence), fields };
    },
    trace: (id) => traceOf(track, model, id),
    flips: (predicate, { after = first, to = last } = {}) => flipsOf(track, predicate, after, to),
    verify: () => verifyDirectory(trackOptions, track),
    whatIf: async (other) => ({
      provenance: provenanceOf(track, last),
      ...(await compareModels(trackOptions, other)),
    }),
    tail: (after, until) => tailOf(dir, model, track, after, until),
    close: () => opened.close(),
  };
};
