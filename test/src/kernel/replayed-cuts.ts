/**
 * Every state that a disk could have been in when the power failed, from one life on it.
 *
 *     life in a guest ─> log: w w F w w w m F …        F: flush, m: mark of an acknowledgement
 *     power cut at p  ─> all before the last F, and of the writes since: all (a prefix), or any (a reordering)
 *                     ─> mount, journal recovery, open, check
 *
 * The rule: an acknowledgement counts from its mark on.
 */
import { execFileSync } from "node:child_process";
import { existsSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { addTo } from "./counts.ts";
import { KeptCalls } from "./kept-calls.ts";
import { LoopImage, type ImageKind } from "./loop-image.ts";
import { Told } from "./told.ts";
import { Uml } from "./uml.ts";
import { readWriteLog, replay, type LoggedWrite } from "./write-log.ts";

export const loggedInitPath = resolve("test/src/kernel/lw-init.sh");
export const loggedWorkerPath = resolve("test/src/kernel/lw-worker.mjs");
const calls = 63;
const logBytesMax = 512 * 1024 * 1024;
const guestsMax = 5;
const guestMsMax = 180_000;

export interface ReplayOptions {
  readonly kind: ImageKind;
  readonly seed: number;
  /** States to look at. */
  readonly states: number;
  readonly progress?: (states: number) => void;
}

/** Throws what was lost; returns what was met. */
export const runReplayedCuts = async (options: ReplayOptions): Promise<Record<string, number>> => {
  const { kind, seed, states, progress } = options;
  const recorded = LoopImage.make(kind);
  const replayed = LoopImage.make(kind);
  try {
    const before = join(recorded.folder, "before");
    const log = join(recorded.folder, "log");
    copySparse(recorded.imagePath, before);
    let guests = 1;
    while (!(await record(recorded, log))) {
      // The kernel of the guest crashes now and then, under btrfs ("overflowed sigaltstack", says the host).
      if ((guests += 1) > guestsMax) throw new Error(`${guestsMax} guests crashed by themselves`);
      copySparse(before, recorded.imagePath);
    }
    const writes = readWriteLog(log);
    const counts: Record<string, number> = {
      "writes logged": writes.length,
      "guests that crashed by themselves": guests - 1,
    };
    const cuts = cutsOf(writes, new Prng(seed), states);
    let done = 0;
    let tried = 0;
    for (const cut of cuts) {
      replay(log, before, writes.slice(done, cut.durable));
      done = cut.durable;
      copySparse(before, replayed.imagePath);
      replay(log, replayed.imagePath, cut.survived);
      const acknowledged = marksIn(writes.slice(0, cut.at));
      await check(replayed, acknowledged, `${kind} seed ${seed} cut at ${cut.at}`);
      addTo(counts, { [`${kind}, ${cut.what}`]: 1 });
      progress?.((tried += 1));
    }
    return counts;
  } finally {
    recorded.dispose();
    replayed.dispose();
  }
};

/** One life in a guest. False if the guest's kernel crashed before its end. */
const record = async (image: LoopImage, log: string): Promise<boolean> => {
  // Emptied first: nothing of an earlier guest's log is in it.
  writeFileSync(log, "");
  truncateSync(log, logBytesMax);
  const told = new Told();
  const facts = { ubd1: log, tw_worker: loggedWorkerPath, tw_calls: calls };
  const guest = new Uml(image, loggedInitPath, facts, (text) => told.take(text));
  try {
    for (let waitedMs = 0; !told.isClosed; waitedMs += 20) {
      if (guest.isGone && told.acknowledged.length > 0) return false;
      if (guest.isGone || told.defects.length > 0 || waitedMs > guestMsMax)
        throw new Error(`the guest did not come so far:\n${guest.said}`);
      await new Promise((done) => setTimeout(done, 20));
    }
    return true;
  } finally {
    await guest.cut();
  }
};

interface Cut {
  readonly what: "a prefix" | "a reordering";
  /** The power fails before this write. */
  readonly at: number;
  /** All before this one are durable. */
  readonly durable: number;
  /** Of those between, what reached the disk. */
  readonly survived: readonly LoggedWrite[];
}

/** Evenly over the log, at another offset for each seed; a prefix and a reordering in turn. */
const cutsOf = (writes: readonly LoggedWrite[], prng: Prng, states: number): Cut[] => {
  const stride = Math.max(1, (2 * writes.length) / states);
  const cuts: Cut[] = [];
  for (let place = prng.below(Math.ceil(stride)); place < writes.length; place += stride) {
    const at = Math.floor(place) + 1;
    const durable = Math.max(
      0,
      writes.slice(0, at).findLastIndex(({ isFlush }) => isFlush),
    );
    const since = writes.slice(durable, at);
    cuts.push({ what: "a prefix", at, durable, survived: since });
    const chance = 1 + prng.below(3);
    const survived = since.filter(({ isForced }) => isForced || prng.below(4) < chance);
    if (survived.length < since.length) cuts.push({ what: "a reordering", at, durable, survived });
  }
  return cuts;
};

/** Numbers up to the last that was acknowledged. */
const marksIn = (writes: readonly LoggedWrite[]): number[] => {
  const mark = writes.findLast((one) => one.mark?.startsWith("ack-"))?.mark;
  const last = mark === undefined ? -1 : Number(mark.slice("ack-".length));
  return Array.from({ length: last + 1 }, (_, number) => number);
};

const check = async (
  image: LoopImage,
  acknowledged: readonly number[],
  what: string,
): Promise<void> => {
  try {
    image.mount();
    const dir = join(image.mountPoint, "state");
    if (existsSync(dir)) {
      await new KeptCalls().judgeOnce(dir, { life: 1, acknowledged, lastTold: calls });
    } else if (acknowledged.length > 0) throw new Error("the state directory is gone");
    await image.unmount();
  } catch (error) {
    throw new Error(what, { cause: error });
  }
};

const copySparse = (from: string, to: string): void =>
  void execFileSync("cp", ["--sparse=always", from, to], { stdio: "pipe" });
