/**
 * The quick part of the campaign "small-scope": the shortest workloads, and some of the longer ones.
 *
 * `pnpm bench campaign small-scope` tries every workload of up to four operations, with more of their
 * recoveries crashed in turn. `TASKWAL_SEED` draws other workloads.
 */
import * as taskwal from "taskwal";
import { Prng } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { exploreWorkload, workloadCount, workloadOf } from "./crash/small-scope.ts";
import { print } from "./corruption/tally.ts";

const seed = Number(process.env["TASKWAL_SEED"] ?? 1);
const options = { cutsPerPoint: 3, subsetsOfMax: 3, appendStride: 7, seed };
const operationCount = 8;
const drawn = 10;

const explore = async (numbers: readonly number[], nestedStrides: number[]): Promise<void> => {
  const seen = new Set<string>();
  const see = (hash: Uint8Array): boolean => {
    const before = seen.size;
    return seen.add(Buffer.from(hash).toString("hex")).size > before;
  };
  let [points, disks, nested] = [0, 0, 0];
  for (const number of numbers) {
    const workload = workloadOf(number);
    const found = await exploreWorkload(taskwal, workload, { ...options, nestedStrides, see });
    points += found.points;
    disks += found.disks;
    nested += found.nested.reduce((sum, count) => sum + count, 0);
  }
  // A snapshot right behind another one does nothing, so a single workload may have none.
  expect(points).toBeGreaterThan(numbers.length);
  print(
    `small scope (seed ${seed}): ${numbers.length} workloads, ${points} crash points, ${disks} disks, ${seen.size} distinct, ${nested} inside recovery`,
  );
};

test("a power cut at any call of any workload of one operation loses nothing that was acknowledged", async () => {
  await explore(
    Array.from({ length: operationCount + 1 }, (_, number) => number),
    [29, 31],
  );
});

test("nor does one at any call of a longer workload, drawn by seed", async () => {
  const prng = new Prng(seed);
  const numbers = Array.from({ length: drawn }, () => prng.below(workloadCount));
  await explore(numbers, [37]);
});
