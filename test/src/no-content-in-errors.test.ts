/**
 * A host logs the errors that it catches. What this library says in one quotes no value of a payload: what is printed of
 * an error, its fields and causes included, names types, ids, paths and sizes.
 *
 * The rule: the model's schemas (zod) and its reducer do not quote either; a schema that does is passed on as it is, for
 * the caller has what it quotes. Each class of error is seen.
 */
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { createSimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, StoreError } from "taskwal";
import { expect, test } from "vitest";
import { z } from "zod";
import { openNotes, refusalOf, type NoteOptions, type NoteStore } from "./world/note-model.ts";

const secret = "hunter2-9f31c0";
const held = { text: secret };

/** As a program without types calls it. */
type Loose = Record<"mutate" | "append", (...words: unknown[]) => Promise<unknown>>;

const nested = (levels: number): unknown =>
  Array.from({ length: levels }).reduce((value) => [value], secret as unknown);

const unfit: readonly unknown[] = [
  { text: [secret] },
  { text: { secret } },
  { text: secret, extra: new Map([["key", secret]]) },
  { text: secret, extra: Number.NaN },
  { text: secret, extra: [secret, undefined] },
  { text: secret, extra: nested(5_000) },
  { text: secret, extra: secret.repeat(2_000_000) },
  { text: secret, extra: () => secret },
  { text: secret, extra: { toJSON: () => secret } },
  secret,
  [secret],
];

/** Whether the stored bytes of a file hold it, and where. */
const flipSecretIn = (sim: ReturnType<typeof createSimDisk>, part: string): void => {
  for (const path of sim.listRaw().filter((one) => one.includes(part))) {
    const at = Buffer.from(sim.readRaw(path)).indexOf(secret);
    if (at >= 0) sim.flipBit(path, at * 8);
  }
};

/** Reads no note: what was recorded is no mutation that it could replay. */
const strict = z.object({ text: z.literal("another") });
const otherModel = defineModel({
  entities: {
    notes: defineEntity({
      name: "note",
      collection: "notes",
      version: 1,
      schema: z.object({ id: z.string(), text: z.string() }),
      lists: { lines: strict },
      create: {
        "note.created": {
          payload: strict,
          reduce: (payload, { id }) => {
            if (payload.text !== "another") throw new RangeError("it is another");
            return { ...payload, id };
          },
        },
      },
      change: {},
    }),
  },
});

test("no error of the library, printed with its fields and causes, quotes a value of a payload", async () => {
  const sim = createSimDisk();
  const refusals: unknown[] = [];
  const refused = async (call: Promise<unknown>): Promise<void> => {
    const error = await refusalOf(call);
    expect(error).toBeInstanceOf(StoreError);
    refusals.push(error);
  };
  const open = (options: NoteOptions = {}): Promise<NoteStore> => openNotes(sim.process(), options);
  const store = await open();
  const { notes } = store;
  const loose = notes as unknown as Loose;
  await notes.mutate("a", "note.created", held);
  await notes.append("a", "lines", held, { key: "k" });
  for (const payload of unfit) await refused(loose.mutate("a", "note.edited", payload));
  for (const item of [[secret], { text: { secret } }, { text: new Map([[secret, secret]]) }])
    await refused(loose.append("a", "lines", item));
  await refused(loose.mutate("a", "note.unknown", held));
  await refused(loose.mutate("", "note.edited", held));
  await refused(notes.mutate("b", "note.edited", held));
  await refused(notes.mutate("a", "note.created", held));
  await refused(notes.mutate("a", "note.edited", held, { expectedVersion: 9 }));
  await refused(notes.append("a", "lines", { text: `${secret}, another` }, { key: "k" }));
  await refused(open());

  sim.capacityBytes = sim.usedBytes;
  await refused(notes.mutate("a", "note.edited", { text: secret.repeat(1_000) }));
  sim.capacityBytes = undefined;
  const mend = sim.fail(({ kind }) => kind === "write" || kind === "sync", "EIO");
  await refused(notes.mutate("a", "note.edited", held));
  await refused(notes.mutate("a", "note.edited", held));
  mend();
  await store.reopen();
  await store.notes.mutate("a", "note.edited", held);
  await store.close();
  await refused(notes.mutate("a", "note.edited", held));

  const kept = sim.snapshotState();
  for (const path of sim.listRaw().filter((one) => one.endsWith("state.json"))) sim.removeRaw(path);
  await refused(openStore({ dir: "/state", model: otherModel, disk: sim.process() }));
  sim.restore(kept);
  const head = sim.listRaw().find((path) => path.endsWith("state.json")) ?? "";
  const [newer = ""] = Buffer.from(sim.readRaw(head))
    .toString("utf8")
    .replace('"format":1', '"format":2')
    .split('"checksum":');
  const checksum = createHash("sha256").update(newer).digest("hex");
  sim.writeRaw(head, Buffer.from(`${newer}"checksum":"sha256:${checksum}"}\n`));
  await refused(open());
  sim.restore(kept);
  flipSecretIn(sim, "/wal/");
  flipSecretIn(sim, "state.json");
  await refused(open({ onDamage: "refuse" }));

  const classes = new Set(refusals.map((error) => (error as StoreError).code));
  expect([...classes].toSorted()).toEqual(
    "CLOSED CONFLICT CORRUPT DISK_FAILED INVALID_MUTATION LOCKED REPLAY_FAILED UNSUPPORTED_FORMAT".split(
      " ",
    ),
  );
  const printed = refusals.map((error) => inspect(error, { depth: 20, showHidden: true }));
  expect(printed.filter((text) => text.includes(secret))).toEqual([]);
});
