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
import { isLeft, openForReading, type History, type Model } from "@taskwal/core";
import { readWhole } from "@taskwal/disk";
import { canonicalJson, crc32, sha256 } from "@taskwal/format";
import type { TrackBuilder } from "./build-track.ts";
import { Names } from "./names.ts";
import { rowBytes, Rows } from "./rows.ts";
import type { Divergence, Track, TrackMeta } from "./track.ts";
import { ValueReader, valuesAreWhole } from "./value-file.ts";

/** Another layout of the files: another print. */
const layoutVersion = 1;
const metaBytesMax = 256 * 1024 * 1024;
const columnsBytesMax = 2 ** 31;

interface StoredMeta extends TrackMeta {
  readonly rowCount: number;
  readonly columnsCrc: number;
  readonly blockCrcs: readonly number[];
  readonly entityNames: readonly string[];
  readonly typeNames: readonly string[];
  readonly actorNames: readonly string[];
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
    return sha256()
      .update(canonicalJson(what as never))
      .digest("hex")
      .slice(0, 32);
  } finally {
    await directory.close();
  }
};

/** The track of that name; undefined if there is none, or what is there is not what was written. */
export const loadTrack = async (cache: Directory, print: string): Promise<Track | undefined> => {
  const [name] = (await cache.list(".")).filter((each) => each.endsWith(`-${print}.json`));
  if (name === undefined) return undefined;
  const stem = name.slice(0, -".json".length);
  let values: File | undefined;
  try {
    const text = Buffer.from(await readWhole(cache, name, metaBytesMax)).toString("utf8");
    const { meta, crc } = JSON.parse(text) as { readonly meta: string; readonly crc: number };
    if (crc32(Buffer.from(meta)) !== crc) return undefined;
    const stored = JSON.parse(meta) as StoredMeta;
    const columns = await readWhole(cache, `${stem}.columns`, columnsBytesMax);
    if (crc32(columns) !== stored.columnsCrc) return undefined;
    const rows = Rows.from(columns, stored.rowCount);
    values = await cache.open(`${stem}.values`, "read");
    if (!rows || !(await valuesAreWhole(values, stored.blockCrcs))) {
      await values.close();
      return undefined;
    }
    return {
      ...stored,
      rows,
      entities: new Names(stored.entityNames),
      types: new Names(stored.typeNames),
      actors: new Names(stored.actorNames),
      values: new ValueReader(values, stored.blockCrcs),
    };
  } catch {
    // Whatever it is, it is no track: it will be made again.
    await values?.close();
    return undefined;
  }
};

export interface TrackToSave {
  readonly history: History;
  readonly builder: TrackBuilder;
  readonly blockCrcs: readonly number[];
  readonly divergent: readonly Divergence[];
}

/** Writes rows and meta beside values that are there already, under the name `unfinished`, and names all three. */
export const saveTrack = async (
  cache: Directory,
  print: string,
  unfinished: string,
  { history, builder, blockCrcs, divergent }: TrackToSave,
): Promise<void> => {
  const { rows } = builder;
  const columns = Buffer.concat([...rows.stored()], rows.length * rowBytes);
  const { end, failure, store, base, last, holes } = history;
  const stored: StoredMeta = {
    store,
    base,
    last,
    holes,
    divergent,
    boots: builder.boots,
    marks: builder.marks,
    corrections: builder.corrections,
    torn: end.torn,
    damaged: end.damaged,
    notes: end.notes,
    failure: failure && { sequence: failure.sequence, message: failure.message },
    rowCount: rows.length,
    columnsCrc: crc32(columns),
    blockCrcs,
    entityNames: builder.entities.list,
    typeNames: builder.types.list,
    actorNames: builder.actors.list,
  };
  const meta = JSON.stringify(stored);
  const text = JSON.stringify({ crc: crc32(Buffer.from(meta)), meta });
  await write(cache, `${unfinished}.columns`, columns);
  await write(cache, `${unfinished}.json`, Buffer.from(text));
  const prefix = `${(store ?? "none").slice(0, 16)}-`;
  await removeOlder(cache, prefix);
  for (const end of ["values", "columns", "json"]) {
    await cache.rename(`${unfinished}.${end}`, `${prefix}${print}.${end}`);
  }
};

const write = async (cache: Directory, name: string, bytes: Uint8Array): Promise<void> => {
  const file = await cache.create(name);
  try {
    await file.write(bytes, 0);
  } finally {
    await file.close();
  }
};

const removeOlder = async (cache: Directory, prefix: string): Promise<void> => {
  for (const name of await cache.list(".")) {
    if (name.startsWith(prefix) && /\.(?:values|columns|json)$/u.test(name)) {
      await cache.remove(name);
    }
  }
};
