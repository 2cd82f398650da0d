/**
 * A harmed directory, asked offline: every answer beside a replay by brute force, and beside what is known to be true.
 *
 *     files ─ harm ─> a real directory ─ open ─> state, diff, blame, flips, trace     and no byte of it is another
 *
 * The rule: where one file was harmed and no checksum made right, a state that never was is never called verified.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Prng } from "@taskwal/disk/sim";
import { CorruptError, openStore, ReplayFailedError, UnsupportedFormatError } from "taskwal";
import { open, type Change, type FieldChange, type Offline } from "taskwal/offline";
import { marksModel } from "../corruption/marks-model.ts";
import { BruteForce, text, valueAtPath } from "./brute-force.ts";
import type { Harmed } from "./directory-harm.ts";
import { pageIds, type FuzzStore } from "./fuzz-store.ts";
import { holds } from "./line-trial.ts";

export interface Folders {
  readonly dir: string;
  readonly cacheDir: string;
}

/** Lays the files out, asks, and throws a Finding; returns whether it opened, and with which trust at the end. */
export const askHarmed = async (
  { dir, cacheDir }: Folders,
  store: FuzzStore,
  harmed: Harmed,
  prng: Prng,
): Promise<string> => {
  layOut(dir, harmed.files);
  const before = treeOf(dir);
  try {
    const brute = await BruteForce.of(dir, marksModel);
    let trust = "";
    // A track that was just made, and the same from the cache.
    for (const _ of ["made", "cached"]) {
      const offline = await open(dir, { model: marksModel, cacheDir });
      try {
        trust = await judge(offline, brute, prng);
        if (harmed.changed.size === 1 && !harmed.isResealed)
          await judgeTrust(offline, brute, store);
        if (trust === "verified") await judgeOpening(offline, brute, dir);
        await offline.verify();
      } finally {
        await offline.close();
      }
    }
    return trust;
  } catch (error) {
    const refusals = [CorruptError, UnsupportedFormatError, ReplayFailedError];
    const refusal = refusals.find((one) => error instanceof one);
    if (!refusal) throw error;
    // One harmed file costs no history: there is a log from the first record on, or a snapshot and the log above.
    const isOne = harmed.changed.size <= 1 && !harmed.isResealed;
    holds(!isOne, "one harmed file keeps a directory from being read", () => String(error));
    return refusal.name;
  } finally {
    same(treeOf(dir), before, "asking wrote in the directory");
  }
};

export const layOut = (dir: string, files: ReadonlyMap<string, Buffer>): void => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(dir, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, name), bytes, { mode: 0o600 });
  }
};

/** Names, times and bytes. */
export const treeOf = (dir: string): string =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const stat = statSync(join(dir, name));
      const bytes = stat.isFile() ? readFileSync(join(dir, name), "latin1") : "";
      return `${name} ${stat.mtimeMs} ${bytes}`;
    })
    .join("\n");

const same = (found: unknown, expected: unknown, what: string): void => {
  const [one, other] = [text(found), text(expected)];
  holds(one === other, what, () => `${one}\nand not\n${other}`);
};

const judge = async (offline: Offline, brute: BruteForce, prng: Prng): Promise<string> => {
  const { first, last } = brute;
  for (let sequence = first; sequence <= last; sequence += 1) {
    await judgeState(offline, brute, sequence);
  }
  for (let time = 0; time < 6; time += 1) {
    const point = (): number => first + prng.below(last - first + 1);
    await judgeDifference(offline, brute, point(), point());
    const ref = { entity: "page", id: prng.pick(pageIds) };
    await judgeBlame(offline, brute, ref.id, point());
    const test = (value: unknown): boolean =>
      ((value as { lines?: readonly unknown[] } | undefined)?.lines?.length ?? 0) % 2 === 1;
    const flips = await all(offline.flips({ ref, test }));
    same(flips, brute.flips(ref.entity, ref.id, test), `flips of ${ref.id}`);
  }
  for (const id of pageIds) {
    const steps = (await all(offline.trace(id))).filter(
      (step): step is Change => "changes" in step,
    );
    same(
      steps.map(({ sequence, type }) => [sequence, type]),
      brute.changesOf("page", id).map(({ sequence, type }) => [sequence, type]),
      `trace of ${id}`,
    );
  }
  return (await offline.stateAt(last)).provenance.trust;
};

const judgeState = async (offline: Offline, brute: BruteForce, sequence: number): Promise<void> => {
  const state = await offline.stateAt(sequence);
  const told: Record<string, unknown> = {};
  for (const entity of state.entities())
    for await (const { id, value } of state.list(entity)) told[`${entity}\n${id}`] = value;
  same(told, Object.fromEntries(brute.at(sequence)), `the state at @${sequence}`);
};

const judgeDifference = async (
  offline: Offline,
  brute: BruteForce,
  a: number,
  b: number,
): Promise<void> => {
  const { entities } = await offline.diff(a, b);
  const [one, other] = [brute.at(a), brute.at(b)];
  const keys = [...new Set([...one.keys(), ...other.keys()])];
  same(
    entities.map(({ ref }) => `${ref.entity}\n${ref.id}`).toSorted(),
    keys.filter((key) => text(one.get(key)) !== text(other.get(key))).toSorted(),
    `what differs between @${a} and @${b}`,
  );
  for (const { ref, changes } of entities) {
    const key = `${ref.entity}\n${ref.id}`;
    same(applied(one.get(key), changes), other.get(key), `${key} from @${a} to @${b}`);
    for (const change of changes) {
      const what = `${key} ${change.path.join(".")} from @${a} to @${b}`;
      same(change.old, valueAtPath(one.get(key), change.path), what);
      const range = [Math.min(a, b), Math.max(a, b)] as const;
      const setter = brute.setter(ref.entity, ref.id, change.path, range);
      same([change.sequence, change.type], [setter?.sequence, setter?.type], `setter of ${what}`);
    }
  }
};

const applied = (value: unknown, changes: readonly FieldChange[]): unknown => {
  let now = structuredClone(value) as Record<string, unknown> | undefined;
  for (const { path, new: to } of changes) {
    if (path.length === 0) {
      now = to as typeof now;
      continue;
    }
    now ??= {};
    let at = now;
    for (const [index, name] of path.slice(0, -1).entries())
      at = (at[name] ??= typeof path[index + 1] === "number" ? [] : {}) as typeof at;
    const [name = ""] = path.slice(-1);
    // Told item by item: a list of which every item went is gone.
    if (to === undefined && Array.isArray(at)) {
      at.length = Math.min(at.length, Number(name));
      if (at.length === 0) delete now[path[0] ?? ""];
    } else if (to === undefined) delete at[name];
    else at[name] = to;
  }
  return now;
};

const judgeBlame = async (
  offline: Offline,
  brute: BruteForce,
  id: string,
  sequence: number,
): Promise<void> => {
  const { fields } = await offline.blame({ entity: "page", id }, sequence);
  const value = brute.at(sequence).get(`page\n${id}`) ?? {};
  const expected = Object.keys(value).map((name) => {
    const setter = brute.setter("page", id, [name], [-1, sequence]);
    return [name, value[name], setter?.sequence, setter?.type, setter?.changes];
  });
  const found = fields.map((field) => [
    ...field.path,
    field.value,
    field.sequence,
    field.type,
    field.changes,
  ]);
  same(found, expected, `blame of ${id} at @${sequence}`);
};

/** Whatever is called verified is what it was then. */
const judgeTrust = async (
  offline: Offline,
  { first, last }: BruteForce,
  store: FuzzStore,
): Promise<void> => {
  for (let sequence = first; sequence <= last; sequence += 1) {
    const state = await offline.stateAt(sequence);
    if (state.provenance.trust !== "verified") continue;
    for (const id of pageIds) {
      const shown = (await state.get({ entity: "page", id })) as
        | { marks?: readonly number[]; lines?: readonly { mark: number }[] }
        | undefined;
      const page = text([shown?.marks ?? null, shown?.lines?.map(({ mark }) => mark) ?? []]);
      const version = store.written.findLast((one) => one.id === id && one.seq <= sequence)?.n ?? 0;
      const known = store.ever.get(id)?.get(version);
      const isTrue = version === 0 ? page === "[null,[]]" : (known?.has(page) ?? false);
      holds(isTrue, "a state that never was is called verified", () => {
        return `${id} at @${sequence}: ${page} and not ${[...(known ?? [])].join(" or ")}`;
      });
    }
  }
};

/** Two ways to the same: what an opening shows, and what the log comes to from its beginning. */
const judgeOpening = async (offline: Offline, { last }: BruteForce, dir: string): Promise<void> => {
  const store = await openStore({ model: marksModel, dir, readOnly: true });
  try {
    const state = await offline.stateAt(last);
    for (const id of pageIds) {
      const value = store.pages.get(id);
      const lines = store.pages.list(id, "lines");
      const expected = value && (lines.length > 0 ? { ...value, lines } : value);
      same(await state.get({ entity: "page", id }), expected, `${id} as an opening shows it`);
    }
  } finally {
    await store.close();
  }
};

const all = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const one of stream) found.push(one);
  return found;
};
