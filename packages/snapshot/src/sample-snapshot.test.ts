/**
 * What the tests of this package make snapshots with: small ones, on a simulated disk.
 *
 * The rule: the state @N depends on nothing but N, and what the sample says is tested below.
 */
import type { Clock, Directory } from "@taskwal/disk";
import { createSimDisk, type SimDisk, type SimDiskOptions } from "@taskwal/disk/sim";
import type { JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  readSnapshot,
  saveSnapshot,
  type JsonPiece,
  type KnownState,
  type SavedSnapshot,
  type SnapshotSource,
} from "./index.ts";

export const store = "0123456789abcdef0123456789abcdef";
export const dir = "/state";
export const statePath = `${dir}/state.json`;

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The state @sequence: what it holds depends on nothing else. */
export const sourceOf = (
  sequence: number,
  clock: Clock,
  parts: Partial<Pick<SnapshotSource, "summary" | "collections" | "engine">> & {
    readonly store?: string;
  } = {},
): SnapshotSource => ({
  head: {
    store: parts.store ?? store,
    epoch: 1,
    sequence,
    last: "77a90c5b",
    schema: { task: 2, session: 1 },
    last_saved: new Date(clock.now()).toISOString(),
  },
  summary: parts.summary ?? { metrics: { total_tasks: sequence } },
  collections: parts.collections ?? [
    { name: "tasks", entities: tasksOf(sequence) },
    { name: "sessions", entities: [] },
  ],
  engine: parts.engine ?? { versions: { task: { a: sequence } } },
});

const tasksOf = (sequence: number): JsonValue[] => [
  { id: "a", status: `step ${sequence}` },
  { id: "b", status: "waiting" },
];

/** One collection of the given entities. */
export const tasks = (...entities: readonly JsonPiece[]): Pick<SnapshotSource, "collections"> => ({
  collections: [{ name: "tasks", entities }],
});

export interface World {
  readonly sim: SimDisk;
  readonly clock: Clock;
  readonly directory: Directory;
}

export const createWorld = async (options: SimDiskOptions = {}): Promise<World> => {
  const sim = createSimDisk({ seed: 3, ...options });
  const process = sim.process();
  return { sim, clock: process.clock, directory: await process.createDirectory(dir) };
};

/** Saves the states of these sequences, thirty seconds apart; returns the last. */
export const saveAll = async (
  { sim, clock, directory }: World,
  sequences: readonly number[],
): Promise<SavedSnapshot | undefined> => {
  let saved: SavedSnapshot | undefined;
  for (const sequence of sequences) {
    sim.clock.advance(30_000);
    const source = sourceOf(sequence, clock);
    saved = await saveSnapshot(directory, source, { clock, previous: saved?.stat });
  }
  return saved;
};

/** Saves the state @sequence over what stands there. */
export const next = (
  { directory, clock }: World,
  sequence: number,
  previous: KnownState | undefined,
): Promise<SavedSnapshot> =>
  saveSnapshot(directory, sourceOf(sequence, clock), { clock, previous });

/** The text of a file in the directory. */
export const textAt = ({ sim }: World, name: string): string =>
  Buffer.from(sim.readRaw(`${dir}/${name}`)).toString("utf8");

/** `object` with some of its methods replaced. */
export const wrapped = <T extends object>(object: T, methods: Partial<T>): T =>
  new Proxy(object, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

/** The names in the directory, or in quarantine/, sorted. */
export const namesIn = async (directory: Directory, folder = "."): Promise<string[]> =>
  (await directory.list(folder)).sort();

describe("the sample", () => {
  it("leaves the last state, and a backup of each before it", async () => {
    const world = await createWorld();
    const saved = await saveAll(world, [1, 2, 3]);
    const reading = await readSnapshot(world.directory, "state.json");
    expect(reading).toMatchObject({ ok: true, head: { sequence: 3 }, sha256: saved?.sha256 });
    expect((await namesIn(world.directory)).length).toBe(3);
    expect(world.sim.listRaw()).toContain(statePath);
  });
});
