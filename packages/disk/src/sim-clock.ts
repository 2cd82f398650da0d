/**
 * Time that passes only when a test says so.
 *
 *     advance(1000) ─> runs the tasks that fall due, in order, each at its own time
 *
 * The rule: the wall clock (`now`) may be set to anything; the monotonic one only advances.
 */

import type { Clock } from "./index.ts";

interface Task {
  readonly dueMs: number;
  readonly run: () => void;
}

export class SimClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #tasks = new Set<Task>();

  constructor(startMs: number) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task: Task = { dueMs: this.#monotonicMs + Math.max(0, delayMs), run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Simulated time passes only when told, so there is no process to hold. */
  holdProcess(): () => void {
    return () => {};
  }

  async yield(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets `ms` milliseconds pass. What the due tasks start goes on after this returned. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      const task = this.#nextDue(endMs);
      if (!task) break;
      this.#tasks.delete(task);
      this.#monotonicMs = Math.max(this.#monotonicMs, task.dueMs);
      task.run();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, endMs);
  }

  /** Sets the wall clock, as an administrator or NTP does: it may go back. Nothing falls due. */
  setNow(nowMs: number): void {
    this.#wallOffsetMs = nowMs - this.#monotonicMs;
  }

  /** How many tasks wait. */
  get scheduled(): number {
    return this.#tasks.size;
  }

  #nextDue(endMs: number): Task | undefined {
    let next: Task | undefined;
    for (const task of this.#tasks) {
      if (task.dueMs <= endMs && (!next || task.dueMs < next.dueMs)) next = task;
    }
    return next;
  }

  /** For forks of the disk: both times, without the tasks. */
  get state(): readonly [monotonicMs: number, wallOffsetMs: number] {
    return [this.#monotonicMs, this.#wallOffsetMs];
  }

  set state([monotonicMs, wallOffsetMs]: readonly [number, number]) {
    this.#monotonicMs = monotonicMs;
    this.#wallOffsetMs = wallOffsetMs;
    this.#tasks.clear();
  }
}
