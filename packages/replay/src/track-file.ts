/**
 * Where a track is kept between two questions: three files in a cache directory, outside of what they are about.
 *
 *     <store>-<print>.values    texts, in blocks with checksums
 *     <store>-<print>.columns   the rows
 *     <store>-<print>.json      the rest, with the checksums of both; named last
 *
 * The rule: the print is of every file that the track was read from and of the model; what does not fit it, or was damaged
 * since, is made again and never believed. A track of an older state of the same store goes when a new one comes.
 */
import type { Directory, Disk, File } from "@taskwal/disk";
import { isLeft, openForReading, type Model } from "@taskwal/core";
import { readWhole } from "@taskwal/disk";
import { canonicalJson, crc32, sha256 } from "@taskwal/format";
import type { TrackBuilder } from "./build-track.ts";
import { Names } from "./names.ts";
import { rowBytes, Rows } from "./rows.ts";
import { fieldSetsOf, type Track, type TrackMeta } from "./track.ts";
import { DamagedTrack, ValueReader } from "./value-file.ts";

/** Another layout of the files: another print. */
const layoutVersion = 2;
const metaBytesMax = 256 * 1024 * 1024;
const columnsBytesMax = 2 ** 31;
/** Of stores that were read; what is more is made again when it is asked for. */
const tracksMax = 16;

/** The JSON comes last: what has none is not finished. */
const ends = ["values", "columns", "json"] as const;

interface StoredMeta extends TrackMeta {
  readonly rowCount: number;
  readonly columnsCrc: number;
  readonly blockCrcs: readonly number[];
  /** Of entities, types, actors. */
  readonly names: readonly (readonly string[])[];
  readonly fieldSets: readonly (readonly string[])[];
}

/** What a track of this directory and model is called, as long as no file of the directory changes. */
export const trackPrint = async (disk: Disk, dir: string, model: Model): Promise<string> => {
  const directory = await openForReading({ disk, dir });
  try {
    const names = [
      ...(await directory.list(".")).filter((name) => name.endsWith(".json")),
      ...(await directory.list("wal")).map((name) => `wal/${name}`),
    ].toSorted();
    const files: unknown[] = [];
    for (const name of names) {
      const stat = await directory.stat(name);
      files.push([name, stat?.sizeBytes ?? 0, stat?.inode ?? "", stat?.modified ?? ""]);
    }
    const left = await isLeft(disk, directory);
    const what = [layoutVersion, directory.path, model.hash, left, files];
    return hashOf(canonicalJson(what)).slice(0, 32);
  } finally {
    await directory.close();
  }
};

const hashOf = (text: string): string => sha256().update(text).digest("hex");

/** The track of that name; undefined if there is none, or what is there is not what was written. */
export const loadTrack = async (cache: Directory, print: string): Promise<Track | undefined> => {
  const [name] = (await cache.list(".")).filter((each) => each.endsWith(`-${print}.json`));
  return name === undefined ? undefined : readTrack(cache, name.slice(0, -".json".length));
};

/** The track of three files that begin so; undefined if they are not what was written. */
export const readTrack = async (cache: Directory, stem: string): Promise<Track | undefined> => {
  let values: File | undefined;
  try {
    const stored = await readMeta(cache, `${stem}.json`);
    values = await cache.open(`${stem}.values`, "read");
    const rows = await readRows(cache, `${stem}.columns`, stored);
    const reader = new ValueReader(values, stored.blockCrcs);
    await reader.assertWhole();
    const [entities, types, actors] = stored.names.map((list) => new Names(list));
    if (!entities || !types || !actors) throw new DamagedTrack(stem);
    return {
      ...stored,
      rows,
      entities,
      types,
      actors,
      fieldSets: fieldSetsOf(stored.fieldSets),
      values: reader,
    };
  } catch {
    // Whatever it is, it is no track: it will be made again.
    await values?.close();
    return undefined;
  }
};

const readMeta = async (cache: Directory, name: string): Promise<StoredMeta> => {
  const text = Buffer.from(await readWhole(cache, name, metaBytesMax)).toString("utf8");
  const lineEnd = text.indexOf("\n");
  const meta = text.slice(lineEnd + 1);
  if (crc32(Buffer.from(meta)) !== Number(text.slice(0, lineEnd))) throw new DamagedTrack(name);
  return JSON.parse(meta) as StoredMeta;
};

const readRows = async (
  cache: Directory,
  name: string,
  { columnsCrc, rowCount }: StoredMeta,
): Promise<Rows> => {
  const columns = await readWhole(cache, name, columnsBytesMax);
  const rows = crc32(columns) === columnsCrc ? Rows.from(columns, rowCount) : undefined;
  if (!rows) throw new DamagedTrack(name);
  return rows;
};

export interface TrackToSave {
  readonly meta: TrackMeta;
  readonly builder: TrackBuilder;
  readonly blockCrcs: readonly number[];
}

/** Writes rows and meta beside values that are there already, under the name `unfinished`. */
export const writeTrack = async (
  cache: Directory,
  unfinished: string,
  { meta, builder, blockCrcs }: TrackToSave,
): Promise<void> => {
  const { rows, entities, types, actors, fieldSets } = builder;
  const columns = Buffer.concat([...rows.stored()], rows.length * rowBytes);
  const stored: StoredMeta = {
    ...meta,
    rowCount: rows.length,
    columnsCrc: crc32(columns),
    blockCrcs,
    names: [entities.list, types.list, actors.list],
    fieldSets: fieldSets.list,
  };
  const text = JSON.stringify(stored);
  await write(cache, `${unfinished}.columns`, columns);
  await write(cache, `${unfinished}.json`, Buffer.from(`${crc32(Buffer.from(text))}\n${text}`));
};

/** From here on it is found; older ones of the same store go. */
export const nameTrack = async (
  cache: Directory,
  print: string,
  unfinished: string,
  store = "",
): Promise<void> => {
  const prefix = `${hashOf(store).slice(0, 16)}-`;
  await removeOthers(cache, prefix);
  for (const end of ends) {
    await cache.rename(`${unfinished}.${end}`, `${prefix}${print}.${end}`);
  }
};

/** A name for files that are not finished, which nobody else uses. */
export const unfinishedName = (print: string, unique: string): string =>
  `unfinished-${print}-${unique}`;

/** What is still there under that name. */
export const removeUnfinished = async (cache: Directory, unfinished: string): Promise<void> => {
  for (const end of ends) await cache.remove(`${unfinished}.${end}`).catch(() => {});
};

const write = async (cache: Directory, name: string, bytes: Uint8Array): Promise<void> => {
  const file = await cache.create(name);
  try {
    await file.write(bytes, 0);
  } finally {
    await file.close();
  }
};

/** Earlier tracks of the same store, and of all stores those beyond `tracksMax` that were not the last to be made. */
const removeOthers = async (cache: Directory, prefix: string): Promise<void> => {
  const tracks: { readonly stem: string; readonly modified: string }[] = [];
  for (const name of await cache.list(".")) {
    if (!/^[0-9a-f]{16}-[0-9a-f]{32}\.json$/u.test(name)) continue;
    const modified = (await cache.stat(name))?.modified ?? "";
    tracks.push({ stem: name.slice(0, -".json".length), modified });
  }
  const own = tracks.filter(({ stem }) => stem.startsWith(prefix));
  const rest = tracks.filter(({ stem }) => !stem.startsWith(prefix));
  const newestFirst = rest.toSorted((one, other) => (one.modified < other.modified ? 1 : -1));
  for (const { stem } of [...own, ...newestFirst.slice(tracksMax - 1)]) {
    // The JSON first: without it the others are nothing.
    for (const end of ends.toReversed()) await cache.remove(`${stem}.${end}`).catch(() => {});
  }
};
