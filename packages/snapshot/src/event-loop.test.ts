import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openNodeDisk } from "@taskwal/disk";
import type { JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { sourceOf, tasks } from "./sample-snapshot.test.ts";
import { lazyArray, lazyObject, readSnapshot, saveSnapshot, type JsonPiece } from "./index.ts";

const entity = (at: number): JsonValue => ({
  id: `6f0e1c2d-0000-4000-8000-${String(at).padStart(12, "0")}`,
  status: "waiting",
  description: `implement part ${at} and test it`,
  metadata: { priority: at % 5, tags: ["a", "b"] },
});

const logLine = (at: number): JsonValue => ({ at, level: "info", message: `step ${at} finished` });

function* many<T>(count: number, make: (at: number) => T): Generator<T> {
  for (let at = 0; at < count; at++) yield make(at);
}

/** The longest time, in milliseconds, in which the event loop gave nobody a turn while `work` went on. */
const longestGap = async (work: () => Promise<unknown>): Promise<number> => {
  const { clock } = openNodeDisk();
  let gapMs = 0;
  let lastMs = clock.monotonicMs();
  const state = { isDone: false };
  const ticking = (async () => {
    while (!state.isDone) {
      await clock.yield();
      gapMs = Math.max(gapMs, clock.monotonicMs() - lastMs);
      lastMs = clock.monotonicMs();
    }
  })();
  await work();
  state.isDone = true;
  await ticking;
  return gapMs;
};

/** Runs `test` in a directory of the real disk. */
const inScratch = async (test: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), "taskwal-snapshot-"));
  try {
    await test(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
};

describe("on the real disk", () => {
  const sources: readonly [string, () => Iterable<JsonPiece>, number][] = [
    ["50,000 entities", () => many(50_000, entity), 50_000],
    [
      "one entity of 100,000 log lines",
      () => [
        lazyObject([
          ["id", "a"],
          ["logs", lazyArray(many(100_000, logLine))],
        ]),
      ],
      1,
    ],
    ["the same as a plain value", () => [{ id: "a", logs: [...many(100_000, logLine)] }], 1],
  ];

  for (const [name, entities, count] of sources) {
    it(`gives others their turns while ${name} are saved, and reads them back`, async (context) => {
      await inScratch(async (dir) => {
        const disk = openNodeDisk();
        const { clock } = disk;
        const directory = await disk.openDirectory(dir);
        const source = sourceOf(1, clock, tasks());
        const collections = [{ name: "tasks", entities: entities() }];
        let turns = 0;
        const counting: typeof clock = {
          ...clock,
          yield: () => {
            turns += 1;
            return clock.yield();
          },
        };
        const gapMs = await longestGap(() =>
          saveSnapshot(
            directory,
            { ...source, collections },
            { clock: counting, previous: undefined },
          ),
        );
        const reading = await readSnapshot(directory, "state.json", clock);
        expect(reading.ok && reading.collections.get("tasks")?.length).toBe(count);
        expect(turns).toBeGreaterThan(3);
        await context.annotate(`longest gap ${gapMs.toFixed(1)} ms, ${turns} turns given`);
      });
    });
  }
});
