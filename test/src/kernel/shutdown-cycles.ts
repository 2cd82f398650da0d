/**
 * A file system that is shut down under a store that writes, again and again, and recovers its journal.
 *
 *     mount ─ worker ─ acks… │ known │ shutdown ─ kill, or close ─ umount ─ mount ─ check ─┐
 *       └────────────────────────────── the next life ─────────────────────────────────────┘
 *
 * A check opens the directory itself, or a copy, so that the next worker finds what the shutdown left and may
 * be cut off in the recovery of it. The rule: only what had been received before the shutdown began counts as
 * acknowledged; a sync that races with it may succeed for bytes that are gone, which no real power cut shows.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { addTo } from "./counts.ts";
import { CutProcess } from "./cut-process.ts";
import { KeptCalls } from "./kept-calls.ts";
import { LoopImage } from "./loop-image.ts";

const pauseMsMax = 120;
const openingMsMax = 300;
const graceMsMax = 15;

export interface ShutdownOptions {
  readonly kind: "ext4" | "xfs";
  readonly seed: number;
  readonly cycles: number;
  readonly progress?: (cycles: number) => void;
}

/** Throws what was lost; returns what was met. */
export const runShutdowns = async ({
  kind,
  seed,
  cycles,
  progress,
}: ShutdownOptions): Promise<Record<string, number>> => {
  const prng = new Prng(seed);
  const image = LoopImage.make(kind);
  const counts: Record<string, number> = {};
  const lineage = new ShutdownLineage(image, prng, counts);
  try {
    image.mount();
    for (let cycle = 1; cycle <= cycles; cycle += 1) {
      await lineage.cycle(cycle);
      progress?.(cycle);
    }
    return counts;
  } finally {
    await lineage.end();
    image.dispose();
  }
};

class ShutdownLineage {
  readonly #image: LoopImage;
  readonly #prng: Prng;
  readonly #counts: Record<string, number>;
  readonly #kept = new KeptCalls();
  readonly #dir: string;
  /** Of a check on a copy: the state that the next worker must recover as well. */
  #digest: string | undefined;
  #worker: CutProcess | undefined;

  constructor(image: LoopImage, prng: Prng, counts: Record<string, number>) {
    this.#image = image;
    this.#prng = prng;
    this.#counts = counts;
    this.#dir = join(image.mountPoint, "state");
  }

  async cycle(life: number): Promise<void> {
    const worker = (this.#worker ??= new CutProcess());
    worker.live(this.#dir, this.#kept.next, life);
    const { told } = worker;
    await this.#comeNear(worker);
    const known = [...told.acknowledged];
    const flush = this.#prng.below(3) === 0;
    this.#image.shutdown(flush);
    await pause(this.#prng.below(graceMsMax));
    const isKilled = this.#prng.below(4) === 0;
    if (isKilled) {
      await worker.kill();
      this.#worker = undefined;
    } else if (!(await worker.hasClosed())) throw new Error("the writer did not come to an end");
    if (told.defects.length > 0) throw new Error(told.defects.join("\n"));
    this.#expectSame(told.opened);
    await this.#image.unmount();
    this.#image.mount();
    const before = this.#kept.next;
    await this.#check({ life, acknowledged: known, lastTold: told.acknowledged.at(-1) ?? -1 });
    addTo(this.#counts, {
      "acknowledged before": known.length,
      "recovered beyond": this.#kept.next - before - known.length,
      flushing: flush ? 1 : 0,
      "writer killed": isKilled ? 1 : 0,
      "inside recovery": told.opened ? 0 : 1,
      "errors seen by the writer": told.refusals.length,
    });
  }

  async end(): Promise<void> {
    await this.#worker?.kill().catch(() => undefined);
  }

  async #comeNear(worker: CutProcess): Promise<void> {
    if (this.#kept.next > 0 && this.#prng.below(4) === 0)
      return pause(this.#prng.below(openingMsMax));
    await worker.firstAcknowledgement();
    return pause(this.#prng.below(pauseMsMax));
  }

  #expectSame(opened: CutProcess["told"]["opened"]): void {
    if (!opened) return;
    if (opened.lost + opened.damaged > 0) throw new Error("the worker's opening reports a loss");
    if (this.#digest !== undefined && opened.digest !== this.#digest)
      throw new Error("the worker recovered another state than was recovered from a copy");
  }

  async #check(ended: Parameters<KeptCalls["judge"]>[1]): Promise<void> {
    this.#digest = undefined;
    if (!existsSync(this.#dir)) {
      // The first life was cut before its directory was durable.
      if (ended.acknowledged.length > 0 || this.#kept.next > 0)
        throw new Error("the state directory is gone");
      return;
    }
    if (this.#prng.below(2) === 0) return this.#kept.judge(this.#dir, ended);
    const copy = mkdtempSync(join(tmpdir(), "taskwal-copy-"));
    try {
      cpSync(this.#dir, copy, { recursive: true });
      await this.#kept.judge(copy, ended);
    } finally {
      rmSync(copy, { recursive: true });
    }
    this.#digest = this.#kept.digest;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
