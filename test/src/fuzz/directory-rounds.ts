/**
 * Harmed directories, one by one: what is harmed follows from the seed and the number alone.
 *
 *     number ─ generator ─ harms ─ open (4 of 6 salvage, 1 refuse, 1 read-only) ─> verdict
 *
 * The rule: a Finding or an error that is not allowed stops it, with the number that replays it.
 */
import { createHash } from "node:crypto";
import { Prng } from "@taskwal/disk/sim";
import { harmFiles, type Harmed } from "./directory-harm.ts";
import { tryDirectory, type Manner } from "./directory-trial.ts";
import { makeFuzzStore, type FuzzStore } from "./fuzz-store.ts";
import { Finding } from "./line-trial.ts";

const manners: readonly [Manner, ...Manner[]] = [
  "salvage",
  "salvage",
  "salvage",
  "salvage",
  "refuse",
  "read-only",
];

/** Trials on one store before the next one is written. */
const perStore = 100;

export class DirectoryRounds {
  readonly #seed: number;
  #store: { readonly seed: number; readonly made: FuzzStore } | undefined;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Trials `from` to `to`, not included. Returns how they went, counted; `see` is told what was opened. */
  async run(
    from: number,
    to: number,
    see?: (hash: Uint8Array) => void,
  ): Promise<Record<string, number>> {
    const counts: Record<string, number> = { "sealed again": 0 };
    for (let index = from; index < to; index += 1) {
      const { verdict, harmed } = await this.try(index);
      counts[verdict] = (counts[verdict] ?? 0) + 1;
      if (harmed.isResealed) counts["sealed again"] = (counts["sealed again"] ?? 0) + 1;
      see?.(hashOf(harmed));
    }
    return counts;
  }

  /** One trial. Throws with what replays it. */
  async try(index: number): Promise<{ readonly verdict: string; readonly harmed: Harmed }> {
    const store = await this.#storeOf(Math.floor(index / perStore));
    const prng = new Prng(Math.imul(this.#seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const harmed = harmFiles(prng, store);
    const manner = prng.pick(manners);
    try {
      return { verdict: await tryDirectory(store, harmed, manner), harmed };
    } catch (error) {
      const replay = `seed ${this.#seed}, trial ${index}; again: TASKWAL_FUZZ=${this.#seed}:${index} npx vitest run test/src/fuzz-directory.test.ts`;
      const sealed = harmed.isResealed ? ", checksums made right" : "";
      const what = `${manner}: ${harmed.what.join("; ")}${sealed}`;
      throw new Finding(`${replay}\n${what}\n${String(error)}`, { cause: error });
    }
  }

  async #storeOf(number: number): Promise<FuzzStore> {
    const seed = this.#seed * 1_000 + number;
    if (this.#store?.seed !== seed) this.#store = { seed, made: await makeFuzzStore(seed) };
    return this.#store.made;
  }
}

const hashOf = ({ files }: Harmed): Uint8Array => {
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(name).update(bytes);
  return hash.digest();
};
