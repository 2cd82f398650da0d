/**
 * taskwal/offline agrees with what the store itself showed, at every sequence.
 *
 * Method: a random life; after each mutation the store's own value is noted. Then every point, difference, setter and flip
 * is asked for offline and compared with the notes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "taskwal-offline-"));
afterAll(() => rmSync(root, { recursive: true }));
const seed = Number(process.env["TASKWAL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let random = seed;
const below = (limit: number): number => {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((random / 2 ** 32) * limit);
};

const statuses = ["pending", "in_progress", "failed", "completed"] as const;
const ids = ["a", "b", "c"];

/** What the store showed after each record that it acknowledged: the text of all tasks. */
const live = async (dir: string, turns: number): Promise<Map<number, Record<string, unknown>>> => {
  const notes = new Map<number, Record<string, unknown>>();
  for (let life = 0; life < 2; life += 1) {
    const store = await openTaskStore({ dir, autosaveMs: Infinity });
    for (let turn = 0; turn < turns; turn += 1) {
      const id = ids[below(ids.length)] ?? "a";
      const status = statuses[below(statuses.length)] ?? "pending";
      const there = store.get(id) !== undefined;
      const { sequence } = !there
        ? await store.create({ id, description: `d${turn}`, tool: "T" })
        : below(25) === 0
          ? await store.delete(id)
          : below(2) === 0
            ? await store.log(id, { level: "info", type: "output", message: `m${turn}` })
            : await store.update(id, { status, result: { turn, at: { life } } });
      const shown = ids.flatMap((one) => {
        const task = store.get(one);
        if (!task) return [];
        const logs = store.logs(one);
        return [[one, logs.length > 0 ? { ...task, logs } : { ...task }] as const];
      });
      notes.set(sequence, Object.fromEntries(shown));
    }
    await store.close();
  }
  return notes;
};

it(`every point, difference and flip is what the store showed (seed ${seed})`, async () => {
  const dir = join(root, "life");
  const notes = await live(dir, 30);
  const offline = await open(dir);
  for (const [sequence, tasks] of notes) {
    const state = await offline.stateAt(sequence);
    const told: Record<string, unknown> = {};
    for await (const { id, value } of state.list("task")) told[id] = value;
    expect(told).toEqual(tasks);
    expect(state.provenance).toMatchObject({ sequence, trust: "verified", gaps: [] });
  }
  const sequences = [...notes.keys()];
  for (const id of ids) {
    const held = sequences.map(
      (one) => (notes.get(one)?.[id] as { status?: string })?.status === "failed",
    );
    const expected = sequences.filter((_, index) => held[index] !== (held[index - 1] ?? false));
    const flips: number[] = [];
    const test = (value: unknown): boolean =>
      (value as { status?: string } | undefined)?.status === "failed";
    for await (const { sequence } of offline.flips({ ref: { entity: "task", id }, test }))
      flips.push(sequence);
    expect(flips).toEqual(expected);
  }
  for (let times = 0; times < 40; times += 1) {
    const [a = 0, b = 0] = [sequences[below(sequences.length)], sequences[below(sequences.length)]];
    const { entities } = await offline.diff(a, b);
    const changed = ids.filter(
      (id) =>
        JSON.stringify(sorted(notes.get(a)?.[id])) !== JSON.stringify(sorted(notes.get(b)?.[id])),
    );
    expect(entities.map(({ ref }) => ref.id).toSorted()).toEqual(changed);
    for (const { ref, changes } of entities) {
      for (const { path, old, new: now, sequence } of changes) {
        expect(at(notes.get(a)?.[ref.id], path)).toEqual(old);
        expect(at(notes.get(b)?.[ref.id], path)).toEqual(now);
        const shown = (index: number): string =>
          JSON.stringify(sorted(at(notes.get(sequences[index] ?? 0)?.[ref.id], path))) ?? "";
        const setters = sequences.filter(
          (one, index) =>
            one > Math.min(a, b) && one <= Math.max(a, b) && shown(index) !== shown(index - 1),
        );
        expect(sequence, `${ref.id} ${path.join(".")} @${a}..@${b}`).toBe(setters.at(-1));
      }
    }
  }
  await offline.close();
}, 60_000);

const at = (value: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((of, name) => (of as Record<string, unknown> | undefined)?.[name], value);

/** Keys in one order: a value that was read from a file has them in another than one that was just made. */
const sorted = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
};

it("what an item lacks was set by the record that took away the item before it; before, by the one that added it", async () => {
  const dir = join(root, "lacking");
  const store = await openTaskStore({ dir, autosaveMs: Infinity });
  const line = { level: "info", type: "output", message: "m" } as const;
  const begin = () => store.create({ id: "a", description: "d", tool: "T" });
  await begin();
  const { sequence: before } = await store.log("a", { ...line, metadata: { pages: 4 } });
  const { sequence: removed } = await store.delete("a");
  await begin();
  const { sequence: after } = await store.log("a", line);
  await store.close();
  const offline = await open(dir);
  for (const [from, to] of [
    [before, after],
    [after, before],
  ] as const) {
    const { entities } = await offline.diff(from, to);
    const change = entities[0]?.changes.find(({ path }) => path.join(".") === "logs.0.metadata");
    expect(change).toMatchObject({ sequence: removed, type: "task.deleted" });
  }
  await offline.close();
});
