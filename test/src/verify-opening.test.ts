/**
 * What `verify` says that an opening would do is what an opening does; and a loss at the very end of a log is told.
 *
 * Method: one store of two lives on the real disk, harmed in one way at a time; verified, then opened.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  defineEntity,
  defineModel,
  DiskFailedError,
  openStore,
  openTaskStore,
  type RecoveryReport,
} from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { openNotes } from "./world/note-model.ts";
import { treeOf } from "./world/scratch.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-opening-"));
afterAll(() => rmSync(root, { recursive: true }));
const whole = join(root, "whole");
const ids = ["a", "b", "c", "d", "e"];

beforeAll(async () => {
  const first = await openTaskStore({ dir: whole });
  for (const id of ids) await first.create({ id, description: id, tool: "T" });
  await first.close();
  const second = await openTaskStore({ dir: whole });
  for (const id of ids) await second.update(id, { status: "in_progress" });
  await second.close();
});

const edit = (file: string, change: (text: string) => string): void =>
  writeFileSync(file, change(readFileSync(file, "latin1")), "latin1");
const segment = (dir: string, index: number): string => {
  const names = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
  return join(dir, "wal", names.toSorted().at(index) ?? "");
};
const snapshots = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.startsWith("state."))
    .map((name) => join(dir, name));
const bad = (text: string): string => text.replace('"description"', '"descripti0n"');

const harms: Readonly<Record<string, (dir: string) => void>> = {
  nothing: () => {},
  "a state.json that was edited": (dir) => edit(join(dir, "state.json"), bad),
  "no state.json": (dir) => rmSync(join(dir, "state.json")),
  "no snapshot that verifies": (dir) => snapshots(dir).forEach((file) => edit(file, bad)),
  "a damaged line below the snapshot": (dir) => edit(segment(dir, 0), bad),
  "a damaged line and no snapshot": (dir) => {
    snapshots(dir).forEach((file) => rmSync(file));
    edit(segment(dir, 0), bad);
  },
  "a damaged header": (dir) => edit(segment(dir, -1), (text) => text.replace("epoch", "ep0ch")),
  "headers that are damaged, no HEAD and no snapshot": (dir) => {
    snapshots(dir).forEach((file) => rmSync(file));
    rmSync(join(dir, "wal/HEAD"));
    for (const index of [0, -1])
      edit(segment(dir, index), (text) => text.replace("epoch", "ep0ch"));
  },
  "no last segment": (dir) => rmSync(segment(dir, -1)),
  "a torn end": (dir) => edit(segment(dir, -1), (text) => `${text}{"crc":"12`),
  "line ends of Windows": (dir) => edit(segment(dir, 0), (text) => text.replaceAll("\n", "\r\n")),
};

it.each(Object.keys(harms))("is what it does: %s", async (name) => {
  const dir = join(root, name.replaceAll(" ", "-"));
  cpSync(whole, dir, { recursive: true });
  harms[name]?.(dir);
  const before = treeOf(dir);
  const offline = await open(dir, { cacheDir: false });
  const { opening } = await offline.verify();
  await offline.close();
  expect(treeOf(dir)).toEqual(before);
  let report: RecoveryReport | undefined;
  const store = await openTaskStore({ dir, on: { recovered: (one) => (report = one) } });
  await store.close();
  const { snapshot, skipped, sequence, lost = [], torn = [], damaged = [] } = report ?? {};
  const begin = snapshot
    ? `begin with ${snapshot.name} @${snapshot.sequence}`
    : "begin with nothing";
  expect(opening).toContain(begin);
  expect(opening).toContain(
    snapshot?.sequence === sequence ? "replay nothing behind it" : `replay up to @${sequence}`,
  );
  expect(opening.startsWith("not use ")).toBe((skipped ?? []).length > 0);
  expect(opening.includes("a crash cut off")).toBe(torn.length > 0);
  expect(opening.includes("what is damaged")).toBe(damaged.length > 0);
  expect(opening.includes("$gap")).toBe(lost.length > 0);
  for (const [from] of lost) expect(opening).toContain(`@${from}`);
});

it("would refuse where the model does not replay the log, for the reason that the opening gives", async () => {
  const dir = join(root, "notes");
  const store = await openNotes(undefined, { dir: join(root, "living") });
  await store.notes.mutate("1", "note.created", { text: "one" });
  // Before any snapshot.
  cpSync(join(root, "living"), dir, { recursive: true });
  await store.close();
  const text = z.object({ text: z.string() });
  const note = defineEntity({
    name: "note",
    collection: "notes",
    version: 1,
    schema: z.looseObject({ id: z.string(), text: z.string() }),
    create: {
      "note.created": {
        payload: text,
        reduce: () => {
          throw new RangeError("it was never meant to be");
        },
      },
    },
    change: {},
  });
  const model = defineModel({ entities: { notes: note } });
  const offline = await open(dir, { cacheDir: false, model });
  const { opening } = await offline.verify();
  await offline.close();
  const [said, reason = ""] = opening.split("nothing: ");
  expect([said, reason]).toEqual(["refuse, and change ", expect.stringContaining("record 2")]);
  await expect(openStore({ dir, model })).rejects.toThrow(reason);
});

it("a LOCK that cannot be read is an error of the disk, as at an opening", async () => {
  const dir = join(root, "lock");
  cpSync(whole, dir, { recursive: true });
  rmSync(join(dir, "LOCK"));
  mkdirSync(join(dir, "LOCK"));
  await expect(open(dir, { cacheDir: false })).rejects.toThrow(DiskFailedError);
  await expect(openTaskStore({ dir })).rejects.toThrow(DiskFailedError);
});

it("a loss at the end of the log is told with the last state, and by the records", async () => {
  const dir = join(root, "end");
  cpSync(whole, dir, { recursive: true });
  rmSync(segment(dir, -1));
  const offline = await open(dir, { cacheDir: false });
  const last = await offline.point("@last");
  const { provenance } = await offline.stateAt(last);
  expect([last, provenance.trust]).toEqual([14, "crossed-gap"]);
  expect(provenance.gaps.map(({ from, to }) => [from, to])).toContainEqual([14, 14]);
  for (const reverse of [false, true]) {
    const gaps: number[] = [];
    for await (const step of offline.records({ reverse }))
      if (step.kind === "gap") gaps.push(step.to);
    expect(gaps).toContain(14);
  }
  await offline.close();
});
