/**
 * What a power cut leaves of a file and of names: the choices, and their effect.
 *
 *     durable       aaaaaaaaaaaa|
 *     write 1           bbbb              keep
 *     write 2                 cccccc      drop            (in the same sector as 3)
 *     write 3                     dddddd  tear            sector kept ─> as it was after write 3
 *     survives      aaaabbbbaaaacccc????
 *                               └ new range: NUL, garbage or stale bytes where no kept write reached
 *
 * A device writes whole sectors. A kept sector is what the page cache held right after that write,
 * so it brings along what earlier writes put there; with `sectorBytes: 1` every write stands alone.
 *
 * The rule: bytes outside the written ranges, and everything that was synced, are never touched.
 */

import type { Prng } from "./prng.ts";
import type { SimBytes } from "./sim-bytes.ts";
import type { NameOperation } from "./sim-folder.ts";
import { applyTo } from "./sim-inode.ts";
import type { DataOperation, SimInode } from "./sim-inode.ts";

/** A write or truncate that no sync has covered. */
export interface UnsyncedWrite {
  /** Position in `SimDisk.unsynced()`. */
  readonly index: number;
  readonly kind: "write" | "truncate";
  readonly path: string;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** An operation on names that no folder sync has covered. */
export interface UnsyncedName {
  readonly index: number;
  readonly kind: NameOperation["kind"];
  readonly path: string;
  readonly to?: string;
}

export interface PowerCutPolicy {
  /** Which unsynced writes and truncates reached the device. Default "none". */
  readonly writes?:
    | "none"
    | "all"
    | "random"
    | ((write: UnsyncedWrite) => "keep" | "drop" | "tear");
  /** What the device writes atomically: 512 (default), 4096, or 1 for tears at any byte. */
  readonly sectorBytes?: number;
  /**
   * The surviving size of a file with unsynced operations: as the kept ones make it (default), as it
   * was synced, as it was last seen, anything between, or one of these drawn for each file.
   */
  readonly size?: "follow" | "old" | "new" | "between" | "random";
  /** What stands in the new range of a file where no kept write reached. Default "nul". */
  readonly newBytes?: "nul" | "garbage" | "stale" | "random";
  /**
   * Which unsynced operations on names survive (default "none"): "prefix" is a journaling file
   * system, "subset" is all that POSIX promises.
   */
  readonly names?: "none" | "all" | "prefix" | "subset" | ((name: UnsyncedName) => boolean);
  /** Draws from this seed instead of the disk's own stream. */
  readonly seed?: number;
}

export type PowerCutChoice = "none" | "all" | "random" | PowerCutPolicy;

type Range = readonly [startBytes: number, endBytes: number];

/** Spells a choice out. */
export const policyOf = (choice: PowerCutChoice, prng: Prng): PowerCutPolicy => {
  if (choice === "none" || choice === "all") return { writes: choice, names: choice };
  if (choice !== "random") return choice;
  return {
    writes: prng.pick(["none", "all", "random", "random"]),
    sectorBytes: prng.pick([512, 4096, 1]),
    size: prng.pick(["follow", "random"]),
    newBytes: "random",
    names: prng.pick(["none", "all", "prefix", "subset"]),
  };
};

/** For each unsynced operation on names, in their order, whether it survives. */
export const keptNames = (
  names: readonly UnsyncedName[],
  policy: PowerCutPolicy,
  prng: Prng,
): boolean[] => {
  const choice = policy.names ?? "none";
  if (typeof choice === "function") return names.map(choice);
  if (choice === "subset") return names.map(() => prng.below(2) === 1);
  const count =
    choice === "all" ? names.length : choice === "none" ? 0 : prng.below(names.length + 1);
  return names.map((_, position) => position < count);
};

const tornRanges = ([start, end]: Range, sectorBytes: number, prng: Prng): Range[] => {
  if (sectorBytes === 1) {
    // Two cuts: a prefix, a suffix or a middle part survives.
    const cuts = [start + prng.below(end - start + 1), start + prng.below(end - start + 1)];
    const [first = start, second = end] = cuts.sort((a, b) => a - b);
    return [
      prng.pick<Range>([
        [start, first],
        [second, end],
        [first, second],
      ]),
    ];
  }
  const ranges: Range[] = [];
  for (let at = start; at < end; at = (Math.floor(at / sectorBytes) + 1) * sectorBytes) {
    const sectorEnd = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
    if (prng.below(2) === 1) ranges.push([at, sectorEnd]);
  }
  return ranges;
};

const keptRanges = (write: UnsyncedWrite, policy: PowerCutPolicy, prng: Prng): Range[] => {
  const choice = policy.writes ?? "none";
  const decision =
    typeof choice === "function"
      ? choice(write)
      : choice === "random"
        ? prng.pick(["keep", "drop", "tear"])
        : choice === "all"
          ? "keep"
          : "drop";
  const whole: Range = [write.startBytes, write.endBytes];
  if (decision === "drop") return [];
  return decision === "keep" ? [whole] : tornRanges(whole, policy.sectorBytes ?? 512, prng);
};

interface Survivor {
  readonly operation: DataOperation;
  readonly ranges: readonly Range[];
}

/** The size that the kept parts alone would give. */
const followedSize = (oldBytes: number, survivors: readonly Survivor[]): number => {
  let sizeBytes = oldBytes;
  for (const { operation, ranges } of survivors) {
    if (operation.kind === "write") {
      for (const [start, end] of ranges) if (end > start) sizeBytes = Math.max(sizeBytes, end);
    } else if (ranges.length > 0) sizeBytes = operation.sizeBytes;
  }
  return sizeBytes;
};

const survivingSize = (
  inode: SimInode,
  survivors: readonly Survivor[],
  policy: PowerCutPolicy,
  prng: Prng,
): number => {
  const named = policy.size ?? "follow";
  const choice = named === "random" ? prng.pick(["follow", "old", "new", "between"]) : named;
  const oldBytes = inode.durable.sizeBytes;
  if (choice === "old") return oldBytes;
  if (choice === "follow") return followedSize(oldBytes, survivors);
  const running = inode.durable.clone();
  const sizes = [oldBytes];
  for (const { operation } of survivors) {
    applyTo(running, operation);
    sizes.push(running.sizeBytes);
  }
  if (choice === "new") return running.sizeBytes;
  const least = Math.min(...sizes);
  return least + prng.below(Math.max(...sizes) - least + 1);
};

const newRange = (
  sizeBytes: number,
  policy: PowerCutPolicy,
  prng: Prng,
  stale: Uint8Array,
): Uint8Array => {
  const named = policy.newBytes ?? "nul";
  const choice = named === "random" ? prng.pick(["nul", "garbage", "stale"]) : named;
  if (choice === "garbage") return prng.bytes(sizeBytes);
  if (choice === "nul" || stale.length === 0) return new Uint8Array(sizeBytes);
  return Uint8Array.from({ length: sizeBytes }, (_, at) => stale[at % stale.length] ?? 0);
};

/** The bytes of one file after the cut. `writes[i]` describes `inode.unsynced[i]`. */
export const survivingBytes = (
  inode: SimInode,
  writes: readonly UnsyncedWrite[],
  policy: PowerCutPolicy,
  prng: Prng,
  stale: Uint8Array,
): SimBytes => {
  const survivors = inode.unsynced.map((operation, at): Survivor => {
    const write = writes[at];
    return { operation, ranges: write ? keptRanges(write, policy, prng) : [] };
  });
  if (survivors.length === 0) return inode.durable;
  const sizeBytes = survivingSize(inode, survivors, policy, prng);
  const oldBytes = inode.durable.sizeBytes;
  const sectorBytes = policy.sectorBytes ?? 512;
  const running = inode.durable.clone();
  const result = inode.durable.clone();
  if (sizeBytes > oldBytes) {
    result.write(newRange(sizeBytes - oldBytes, policy, prng, stale), oldBytes);
  }
  for (const { operation, ranges } of survivors) {
    applyTo(running, operation);
    for (const [start, end] of ranges) {
      const from = Math.floor(start / sectorBytes) * sectorBytes;
      const to = Math.ceil(end / sectorBytes) * sectorBytes;
      const sector = new Uint8Array(to - from);
      sector.set(running.view(from, to));
      result.write(sector, from);
    }
  }
  result.resize(sizeBytes);
  return result;
};
