/** What lies in a directory: lives, files, how many of what, and whether it is whole. */
import type { Model } from "@taskwal/core";
import { checkFiles } from "./check-files.ts";
import { entityRef, isThereAt } from "./entity-rows.ts";
import type { Info } from "./offline.ts";
import { provenanceOf } from "./provenance.ts";
import type { Track } from "./track.ts";

export const directoryInfo = async (dir: string, model: Model, track: Track): Promise<Info> => {
  const { log, boots, marks, modelHash, rows } = track;
  const { listed, findings } = await checkFiles(dir, track.log);
  const first = (log.base?.sequence ?? 0) + 1;
  const firstRow = rows.countTo(first - 1);
  return {
    directory: dir,
    store: log.store,
    first: firstRow < rows.length ? rows.value("sequence", firstRow) : log.last + 1,
    last: log.last,
    firstAt: firstRow < rows.length ? rows.value("at", firstRow) : undefined,
    lastAt: provenanceOf(track, log.last).at,
    boots,
    marks,
    entities: countsOf(model, track),
    files: listed,
    snapshots: listed
      .filter(({ kind }) => kind === "snapshot")
      .map(({ name, last = -1 }) => ({ name, sequence: last })),
    integrity: findings.map(({ message }) => message),
    gaps: log.gaps,
    model: { hash: model.hash, logHash: modelHash },
  };
};

const countsOf = (model: Model, track: Track): Info["entities"] => {
  const counts = new Map([...model.entities.values()].map(({ name }) => [name, 0]));
  for (const ordinal of track.entities.list.keys()) {
    const { entity } = entityRef(track, ordinal);
    if (isThereAt(track, ordinal, track.log.last))
      counts.set(entity, (counts.get(entity) ?? 0) + 1);
  }
  return [...counts].map(([entity, count]) => ({ entity, count }));
};
