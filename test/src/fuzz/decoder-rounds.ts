/**
 * Inputs to decoders, one by one: what an input is follows from the seed and its number alone.
 *
 *     number ─ generator ─ level: lines 90 % · HEAD 9 % · log 1 % · snapshot, legacy, LOCK a few
 *                        └ changes ─ seal them again (two in five) ─ trial ─> verdict
 *
 * The rule: a Finding or an exception that is not allowed stops it, with the number that replays it; so
 * does an input that takes seconds, or makes the process grow.
 */
import type { Directory } from "@taskwal/disk";
import { Prng } from "@taskwal/disk/sim";
import { makeFuzzStore, storeDir, type FuzzStore } from "./fuzz-store.ts";
import { tryHead } from "./head-trial.ts";
import { tryLegacy } from "./legacy-trial.ts";
import { tryLines, Finding } from "./line-trial.ts";
import { tryLock } from "./lock-trial.ts";
import { ReadCount, tryLog } from "./log-trial.ts";
import { mutate } from "./mutate.ts";
import { resealHead, resealLines, resealSnapshot, saltOfFile } from "./reseal.ts";
import { trySnapshot } from "./snapshot-trial.ts";
import { Watch } from "./watch.ts";

/** A whole file and where its lines begin. */
interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
  readonly salt: number;
  readonly starts: readonly number[];
}

interface Input {
  readonly prng: Prng;
  readonly isResealed: boolean;
}

export interface Decoded {
  readonly verdict: string;
  readonly isResealed: boolean;
}

const startsOf = (bytes: Buffer): number[] => {
  const starts = [0];
  for (
    let at = bytes.indexOf(0x0a);
    at >= 0 && at + 1 < bytes.length;
    at = bytes.indexOf(0x0a, at + 1)
  )
    starts.push(at + 1);
  return starts;
};

export class DecoderRounds {
  readonly #seed: number;
  readonly #store: FuzzStore;
  readonly #directory: Directory;
  readonly #reads: ReadCount;
  readonly #segments: readonly [Sample, ...Sample[]];
  readonly #snapshots: readonly [string, ...string[]];
  readonly #watch = new Watch();

  /** The same again, for inputs that are opened: that ends whoever reads the first one. */
  readonly #opened: FuzzStore;

  private constructor(seed: number, store: FuzzStore, opened: FuzzStore, directory: Directory) {
    this.#seed = seed;
    this.#store = store;
    this.#opened = opened;
    this.#directory = directory;
    this.#reads = new ReadCount(store.sim);
    const names = [...store.files.keys()];
    this.#segments = names
      .filter((name) => name.endsWith(".jsonl"))
      .map((name) => this.#sample(name)) as [Sample, ...Sample[]];
    this.#snapshots = names.filter((name) => name.startsWith("state.")) as [string, ...string[]];
  }

  static async begin(seed: number): Promise<DecoderRounds> {
    const store = await makeFuzzStore(seed);
    const directory = await store.sim.process("decoder").openDirectory(storeDir);
    return new DecoderRounds(seed, store, await makeFuzzStore(seed), directory);
  }

  #sample(name: string): Sample {
    const bytes = this.#file(name);
    return {
      name,
      bytes,
      salt: saltOfFile(name, this.#store.storeId) ?? 0,
      starts: startsOf(bytes),
    };
  }

  #file(name: string): Buffer {
    const bytes = this.#store.files.get(name);
    if (!bytes) throw new Error(`the sample store has no ${name}`);
    return bytes;
  }

  /** Inputs `from` to `to`, not included. Returns how they went, counted. */
  async run(from: number, to: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = { "sealed again": 0 };
    const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
    const { stackTraceLimit } = Error;
    // Most texts are not JSON, and a stack costs more than all the rest of an input.
    Error.stackTraceLimit = 0;
    this.#watch.begin();
    let index = from;
    try {
      for (; index < to; index += 1) {
        const { verdict, isResealed } = await this.#guarded(index);
        count(verdict);
        if (isResealed) count("sealed again");
      }
    } catch (error) {
      Error.stackTraceLimit = stackTraceLimit;
      // Alone it must fail as well, and then it tells where.
      await this.try(index);
      throw error;
    } finally {
      this.#watch.end();
      Error.stackTraceLimit = stackTraceLimit;
    }
    return counts;
  }

  /** One input. Throws with what replays it. */
  async try(index: number): Promise<Decoded> {
    try {
      return await this.#guarded(index);
    } catch (error) {
      const replay = `seed ${this.#seed}, input ${index}; again: TASKWAL_FUZZ=${this.#seed}:${index} npx vitest run test/src/fuzz-decoders.test.ts`;
      throw new Finding(`${replay}\n${String(error)}`, { cause: error });
    }
  }

  async #guarded(index: number): Promise<Decoded> {
    const decoded = await this.#watch.over(() => this.#decode(index));
    this.#assertPrototypes();
    return decoded;
  }

  #assertPrototypes(): void {
    for (const prototype of [Object.prototype, Array.prototype])
      if (Object.keys(prototype).length > 0) throw new Finding("a prototype was changed");
  }

  /** A level that waits for the disk answers with a promise; the others, most of them, at once. */
  #decode(index: number): Decoded | Promise<Decoded> {
    const prng = new Prng(Math.imul(this.#seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const level = prng.below(10_000);
    const input = { prng, isResealed: prng.below(5) < 2 };
    if (level < 9_000) return this.#lines(input);
    if (level < 9_880) return this.#head(input);
    if (level < 9_970) return this.#log(input);
    if (level < 9_995) return this.#snapshot(input);
    return level < 9_999 ? this.#legacy(input) : this.#lock(input);
  }

  #lines({ prng, isResealed }: Input): Decoded {
    const sample = prng.pick(this.#segments);
    const other = prng.pick(this.#segments).bytes;
    const { bytes, starts, salt } = sample;
    const at = prng.below(starts.length);
    // Mostly one line; now and then a stretch of them.
    const count = prng.below(10) === 0 ? 2 + prng.below(4) : 1;
    const lineAt = (line: number): number => starts[line] ?? bytes.length;
    const before = bytes.subarray(0, at > 0 ? lineAt(1) : 0);
    const own = bytes.subarray(lineAt(at), lineAt(at + count));
    const behind = bytes.subarray(lineAt(at + count), lineAt(at + count + 1));
    const changed = mutate(prng, own, other, count === 1 ? "line" : "lines");
    const sealed = isResealed ? resealLines(changed, salt) : changed;
    const range = [before.length, before.length + sealed.length] as const;
    return { verdict: tryLines(Buffer.concat([before, sealed, behind]), salt, range), isResealed };
  }

  #head({ prng, isResealed }: Input): Decoded {
    const bytes = Buffer.from(this.#file("wal/HEAD"));
    // One slot at a time: between them there are zeros only, and changing those says little.
    const start = prng.below(2) * 4096;
    const end = bytes.indexOf(0x0a, start) + 1;
    const other = prng.pick(this.#segments).bytes;
    const changed = mutate(prng, bytes.subarray(start, Math.max(start + 1, end)), other, "line");
    const whole = Buffer.concat([
      bytes.subarray(0, start),
      changed,
      bytes.subarray(start + changed.length),
    ]);
    const salt = saltOfFile("wal/HEAD", this.#store.storeId) ?? 0;
    const { storeId } = this.#store;
    const store = prng.below(2) === 0 ? storeId : undefined;
    return { verdict: tryHead(isResealed ? resealHead(whole, salt) : whole, store), isResealed };
  }

  async #log({ prng, isResealed }: Input): Promise<Decoded> {
    const isHead = prng.below(5) === 0;
    const { name, bytes, salt } = isHead ? this.#sample("wal/HEAD") : prng.pick(this.#segments);
    const other = prng.pick(this.#segments).bytes;
    const changed = mutate(prng, bytes, other, "lines");
    const sealed = isResealed ? (isHead ? resealHead : resealLines)(changed, salt) : changed;
    const { sim, files, storeId: store } = this.#store;
    const path = `${storeDir}/${name}`;
    const trial = { directory: this.#directory, reads: this.#reads, store };
    sim.writeRaw(path, sealed);
    try {
      const verdict = await tryLog({ ...trial, files: new Map([...files, [name, sealed]]) });
      return { verdict, isResealed };
    } finally {
      sim.writeRaw(path, bytes);
    }
  }

  async #snapshot({ prng, isResealed }: Input): Promise<Decoded> {
    const bytes = this.#file(prng.pick(this.#snapshots));
    const other = this.#file(prng.pick(this.#snapshots));
    const changed = mutate(prng, bytes, other, "lines");
    const sealed = isResealed ? resealSnapshot(changed) : changed;
    const { sim } = this.#store;
    sim.writeRaw(`${storeDir}/state.json`, sealed);
    try {
      return { verdict: await trySnapshot(this.#directory, sealed), isResealed };
    } finally {
      sim.writeRaw(`${storeDir}/state.json`, this.#file("state.json"));
    }
  }

  async #legacy({ prng }: Input): Promise<Decoded> {
    return { verdict: await tryLegacy(prng), isResealed: false };
  }

  async #lock({ prng }: Input): Promise<Decoded> {
    return { verdict: await tryLock(this.#opened, prng), isResealed: false };
  }
}
