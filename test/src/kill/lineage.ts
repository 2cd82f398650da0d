/**
 * One directory and the processes that are killed on it, one after the other.
 *
 *     dir ── victim 1 ✗ ── check on a copy ── victim 2 ✗ ── check on a copy ── …
 *
 * The check opens a copy, so that the next victim finds exactly what the kill left. The rule: what is
 * recovered is a prefix of what was issued and has all that was acknowledged; the next victim, if it
 * comes so far, must recover the same.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { openTaskStore, type RecoveryReport } from "taskwal";
import { aimAndKill, type Aim } from "./aim.ts";
import { callsIn, taskIn, tasksAfter, type ToldCall } from "./told.ts";
import { hasOpened, isInside, Victim, type ToldLine } from "./victim.ts";

/** What a kill met, as the told lines prove it. */
export interface Hit {
  readonly aim: Aim;
  readonly outstanding: number;
  readonly acknowledged: number;
  readonly inRecovery: boolean;
  readonly inSnapshot: boolean;
  readonly inRotation: boolean;
  /** Of the calls that were outstanding, how many were recovered. */
  readonly kept: number;
}

export class Lineage {
  readonly #root = mkdtempSync(join(tmpdir(), "taskwal-kill-"));
  readonly #dir = join(this.#root, "store");
  readonly #prng: Prng;
  /** Calls that are in the store, in order. */
  #calls: ToldCall[] = [];
  #digest: string | undefined;
  #issued = 1;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  /** One life and its end by SIGKILL. */
  async kill(aim: Aim): Promise<Hit> {
    const victim = this.#spawn();
    const known = await aimAndKill(victim, aim, this.#prng);
    const { told } = victim;
    this.#expectSameAsCopy(told);
    const before = this.#calls.length;
    const acked = acksIn(told.slice(0, known));
    const calls = callsOf(told);
    const all = new Set(acksIn(told));
    await this.#settle(calls, acked);
    return {
      aim,
      outstanding: calls.filter(({ number }) => !all.has(number)).length,
      acknowledged: acked.length,
      inRecovery: !hasOpened(told) && told.some(({ phase }) => phase === "opening"),
      inSnapshot: isInside(told, "snapshot"),
      inRotation: isInside(told, "rotation"),
      kept: this.#calls.length - before - all.size,
    };
  }

  /** One life and its end by a signal that it handles. */
  async terminate(signal: NodeJS.Signals): Promise<RecoveryReport> {
    const victim = this.#spawn();
    assert.ok(await victim.until(({ phase }) => phase === "open"), victim.errors);
    await victim.until(({ ack }) => ack !== undefined);
    await new Promise((resolve) => setTimeout(resolve, this.#prng.below(60)));
    const { end } = await victim.terminate(signal);
    assert.equal(end, signal, victim.errors);
    const { told } = victim;
    this.#expectSameAsCopy(told);
    // It went on until it was closed: what it acknowledged after the signal counts as well.
    return this.#settle(callsOf(told), acksIn(told));
  }

  dispose(): void {
    rmSync(this.#root, { recursive: true });
  }

  #spawn(): Victim {
    const tasks = [...tasksAfter(this.#calls).values()].filter(
      ({ description }) => description !== undefined,
    );
    return new Victim({
      dir: this.#dir,
      firstIssue: this.#issued,
      seed: this.#prng.next(),
      alive: tasks.map(({ id }) => id),
    });
  }

  /** What the process recovered is what the copy showed. */
  #expectSameAsCopy(told: readonly ToldLine[]): void {
    const open = told.find(({ phase }) => phase === "open");
    if (!open) return;
    assert.deepEqual([open.lost, open.damaged], [0, 0]);
    if (this.#digest !== undefined) assert.equal(open.digest, this.#digest);
  }

  /** Opens a copy of what the end left, and holds it against what was told. */
  async #settle(issued: readonly ToldCall[], acked: readonly number[]): Promise<RecoveryReport> {
    this.#issued = Math.max(this.#issued, ...issued.map(({ number }) => number + 1));
    const calls = [...this.#calls, ...issued];
    const copy = join(this.#root, "copy");
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.#dir, copy, { recursive: true });
    const store = await openTaskStore({ dir: copy });
    try {
      const { recovery } = store;
      const { lost, damaged, skipped } = recovery;
      assert.deepEqual([lost, damaged, skipped], [[], [], []], recovery.toText());
      const kept = calls.slice(0, callsIn(store, calls));
      const keptNumbers = new Set(kept.map(({ number }) => number));
      assert.ok(kept.length >= this.#calls.length, "what an opening had shown is gone");
      assert.deepEqual(
        acked.filter((number) => !keptNumbers.has(number)),
        [],
        "what was acknowledged is gone",
      );
      const expected = tasksAfter(kept);
      for (const [id, task] of expected) assert.deepEqual(taskIn(store, id), task);
      const alive = [...expected.values()].filter(({ description }) => description !== undefined);
      assert.deepEqual(
        new Set(store.list().map(({ id }) => id)),
        new Set(alive.map(({ id }) => id)),
      );
      this.#calls = kept;
      this.#digest = store.digest();
      return recovery;
    } finally {
      await store.close();
    }
  }
}

const callsOf = (told: readonly ToldLine[]): ToldCall[] =>
  told.flatMap(({ issue, of }) => (issue === undefined || !of ? [] : [{ number: issue, of }]));

const acksIn = (told: readonly ToldLine[]): number[] => told.flatMap(({ ack }) => ack ?? []);
