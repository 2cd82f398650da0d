/**
 * What lies between two points, of a list that grew by more items than a call takes arguments.
 *
 * Method: a track of one entity with as many appends, put together without a log; its values are on the simulated disk.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";
import { diffPoints } from "./diff-points.ts";
import { Names } from "./names.ts";
import { kinds, Rows, type Kind } from "./rows.ts";
import { fieldSetsOf, type Track } from "./track.ts";
import { ValueReader, ValueWriter } from "./value-file.ts";

const itemCount = 150_000;

const trackOfLongList = async (): Promise<Track> => {
  const directory = await createSimDisk().process().createDirectory("/cache");
  const file = await directory.create("values");
  const writer = new ValueWriter(file);
  const rows = new Rows();
  let startBytes = 0;
  const add = (kind: Kind, fields: number, value: object): void => {
    const bytes = writer.append(JSON.stringify(value));
    const sequence = rows.length + 1;
    const place = { startBytes, bytes };
    rows.add({
      sequence,
      at: 0,
      type: 0,
      actor: 0,
      entity: 1,
      n: sequence,
      fields,
      kind,
      ...place,
    });
    startBytes += bytes;
  };
  add(kinds.base, 0, { value: { id: "1" }, lists: { lines: [] } });
  for (let index = 0; index < itemCount; index++)
    add(kinds.append, 1, { list: "lines", index, item: index });
  return {
    log: {
      store: "store",
      base: undefined,
      last: rows.length,
      segments: [],
      gaps: [],
      healedAt: [],
      damaged: [],
      torn: [],
      notes: [],
      lost: [],
      failure: undefined,
    },
    boots: [],
    marks: [],
    recordCount: rows.length,
    modelHash: undefined,
    compared: [],
    rows,
    entities: new Names(["note\n1"]),
    types: new Names(["note.lines.appended"]),
    actors: new Names([""]),
    fieldSets: fieldSetsOf([[], ["lines"]]),
    values: new ValueReader(file, await writer.end()),
  };
};

it("is told item by item, however long the list grew", async () => {
  const track = await trackOfLongList();
  const { entities } = await diffPoints(track, 1, itemCount + 1);
  await track.values.close();
  expect(entities.map(({ changes }) => changes.length)).toEqual([itemCount]);
  expect(entities[0]?.changes.at(-1)).toMatchObject({
    path: ["lines", itemCount - 1],
    new: itemCount - 1,
    sequence: itemCount + 1,
  });
});
