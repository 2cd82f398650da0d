/**
 * A store that a newer program has written, and the older one: refused with what it would take, and every
 * byte of the directory as it was, LOCK and claims with them.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, UnsupportedFormatError } from "taskwal";
import { expect, test } from "vitest";
import { z } from "zod";
import { refusalOf } from "./world/note-model.ts";
import { firstModel, leaveFirst, openFirst, openSecond } from "./world/migrating-model.ts";

const bytesOf = (sim: SimDisk): Record<string, string> =>
  Object.fromEntries(
    sim.listRaw().map((path) => [path, Buffer.from(sim.readRaw(path)).toString("hex")]),
  );

const payload = z.object({ name: z.string() });

/** The first model's entity at the same version; one payload is newer. */
const newerPayload = defineModel({
  entities: {
    notes: defineEntity({
      name: "note",
      collection: "notes",
      version: 1,
      schema: z.object({ id: z.string(), name: z.string() }),
      create: {
        "note.created": {
          version: 3,
          payload,
          upcast: { 1: (old: object) => old, 2: (old: object) => old },
          reduce: ({ name }, { id }) => ({ id, name }),
        },
      },
      change: {},
    }),
  },
});

const tag = defineEntity({
  name: "tag",
  collection: "tags",
  version: 1,
  schema: z.object({ id: z.string() }),
  create: { "tag.created": { payload: z.object({}), reduce: (_, { id }) => ({ id }) } },
  change: {},
});
const newerEntity = defineModel({ entities: { tags: tag } });

const newer: readonly (readonly [string, string, (sim: SimDisk) => Promise<unknown>])[] = [
  [
    "entities of a newer version, in the snapshot",
    "note schema version 2",
    async (sim) => {
      await leaveFirst(sim);
      await (await openSecond(sim.process())).close();
    },
  ],
  [
    "entities of a newer version, in the log alone",
    "note schema version 2",
    async (sim) => {
      const process = sim.process();
      const store = await openSecond(process);
      await store.notes.mutate("a", "note.created", { title: "a" });
      process.kill();
    },
  ],
  [
    "a payload of a newer version",
    "note.created version 3",
    async (sim) => {
      const process = sim.process();
      const store = await openStore({ dir: "/state", model: newerPayload, disk: process });
      await store.notes.mutate("a", "note.created", { name: "a" });
      process.kill();
    },
  ],
  [
    "a kind of entity that it does not know",
    'the entity "tag"',
    async (sim) => {
      const store = await openStore({ dir: "/state", model: newerEntity, disk: sim.process() });
      await store.tags.mutate("a", "tag.created", {});
      await store.close();
    },
  ],
];

test.each(newer)(
  "%s: refused with the version needed, for writing and for reading, and no byte is changed",
  async (_, found, make) => {
    const sim = createSimDisk();
    await make(sim);
    const before = bytesOf(sim);
    const reading = { dir: "/state", model: firstModel, disk: sim.process(), readOnly: true };
    for (const open of [() => openFirst(sim.process()), () => openStore(reading)]) {
      const error = await refusalOf(open());
      expect(error).toBeInstanceOf(UnsupportedFormatError);
      expect(String(error)).toContain(found);
    }
    expect(bytesOf(sim)).toEqual(before);
  },
);
