/**
 * What one store must hold over all its lives: the calls that were recovered, by value.
 *
 *     kept 0 1 2 … k-1 │ k … issued by the last life      a life begins at the first number that is not kept
 *          └ by which life
 *
 * The rule: what is recovered is a prefix of what was issued, has all that was acknowledged, never less than
 * was recovered before; the report tells of no loss.
 */
import { deepStrictEqual as expectEqual, ok } from "node:assert/strict";
import { openTaskStore, type TaskStore } from "taskwal";
import { callsIn, taskIn, tasksAfter, type ToldCall } from "../kill/told.ts";
import { callOf } from "./script.ts";

/** Calls that a worker may have issued beyond the last one that it told. */
const lanes = 8;

export interface Life {
  readonly life: number;
  /** Of all that had been told when the cut began. */
  readonly acknowledged: readonly number[];
  /** The highest number that was told at all; undefined where the channel may have lost some. */
  readonly lastTold: number | undefined;
}

export class KeptCalls {
  #kept: ToldCall[] = [];
  #digest: string | undefined;

  /** The first number that is not kept. */
  get next(): number {
    return this.#kept.length;
  }

  /** The state that was recovered last, by its digest. */
  get digest(): string | undefined {
    return this.#digest;
  }

  /** Opens `dir`, holds it against what is known, and closes it. */
  async judgeOnce(dir: string, ended: Life): Promise<void> {
    const store = await openTaskStore({ dir });
    try {
      this.#judgeStore(store, ended);
    } finally {
      await store.close();
    }
  }

  /** As `judgeOnce`, and opens it once more: clean, and the same. */
  async judge(dir: string, ended: Life): Promise<void> {
    await this.judgeOnce(dir, ended);
    const again = await openTaskStore({ dir });
    try {
      expectEqual([again.recovery.clean, again.digest()], [true, this.#digest], "opened again");
    } finally {
      await again.close();
    }
  }

  #judgeStore(store: TaskStore, { life, acknowledged, lastTold }: Life): void {
    const { recovery } = store;
    const text = recovery.toText();
    expectEqual([recovery.lost, recovery.damaged, recovery.skipped], [[], [], []], text);
    const before = this.#kept.length;
    const last = Math.max(before - 1, ...acknowledged, lastTold ?? -1);
    const beyond = lastTold === undefined ? 2_000 : lanes;
    const issued = [...this.#kept];
    for (let number = before; number <= last + beyond; number += 1)
      issued.push(callOf(number, life));
    const kept = issued.slice(0, callsIn(store, issued));
    ok(kept.length >= before, `${kept.length} calls are there, before it were ${before}`);
    const missing = acknowledged.filter((number) => number >= kept.length);
    expectEqual(missing, [], `acknowledged, and gone\n${text}`);
    const expected = tasksAfter(kept);
    for (const [id, task] of expected) expectEqual(taskIn(store, id), task);
    const alive = [...expected.values()].filter(({ description }) => description !== undefined);
    expectEqual(
      store
        .list()
        .map(({ id }) => id)
        .toSorted(),
      alive.map(({ id }) => id).toSorted(),
    );
    this.#kept = kept;
    this.#digest = store.digest();
  }
}
