/**
 * P6: a snapshot of 100,000 tasks while 64 callers append. What the host notices of it.
 *
 *     idle         nobody calls: what the event loop does by itself on this machine
 *     snapshot     64 callers append, from the begin of a snapshot to its end
 *     appending    the same for a while, without a snapshot
 *
 * Every round opens the same 100,000 tasks anew. What is appended stays in the state, so in one store a later round
 * would take a snapshot of those and of the millions of lines that the earlier ones left behind.
 *
 * The rule: the delay of the event loop is sampled by a timer of one millisecond, whose own period is in the
 * figures of all three, idle included. The latency of an append is what its caller waits.
 */
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { openTaskStore, type TaskStore } from "taskwal";
import { sized, type Bench, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import { entityId } from "./contender.ts";
import { withCopy } from "./copied-store.ts";
import { randomText } from "./payload.ts";
import { quantile, rowOf, type Row } from "./row.ts";

const callers = 64;
const entry = { level: "info", type: "output", message: randomText(200, 1) } as const;

interface Stall {
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly appendMs: readonly number[];
}

/** Watches the event loop while `work` goes on; meanwhile so many callers append. */
const watch = async (store: TaskStore, calling: number, work: Promise<unknown>): Promise<Stall> => {
  const appendMs: number[] = [];
  const ending = new AbortController();
  const call = async (caller: number): Promise<void> => {
    while (!ending.signal.aborted) {
      const startMs = performance.now();
      await store.log(entityId(caller), entry);
      appendMs.push(performance.now() - startMs);
    }
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const calls = Array.from({ length: calling }, (_, caller) => call(caller));
  await work;
  delay.disable();
  ending.abort();
  await Promise.all(calls);
  return { p999Ms: delay.percentile(99.9) / 1e6, maxMs: delay.max / 1e6, appendMs };
};

const openCopy = (dir: string): Promise<TaskStore> =>
  openTaskStore({ dir, mirrors: false, autosaveMs: Number.POSITIVE_INFINITY });

const measure = async (bench: Bench, dir: string): Promise<Record<Phase, Stall[]>> => {
  const stalls: Record<Phase, Stall[]> = { idle: [], appending: [], snapshot: [] };
  const watchMs = 2 * bench.budgetMs;
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.progress(`round ${round + 1} of ${bench.rounds}`);
    await withCopy(dir, async (copy) => {
      const store = await openCopy(copy);
      stalls.idle.push(await watch(store, 0, sleep(watchMs)));
      // Something must have changed, or there is nothing to take.
      await store.log(entityId(0), entry);
      stalls.snapshot.push(await watch(store, callers, store.snapshot()));
      stalls.appending.push(await watch(store, callers, sleep(watchMs)));
      await store.close();
    });
  }
  return stalls;
};

type Phase = "idle" | "appending" | "snapshot";

export const snapshotStall: Benchmark = {
  name: "P6",
  what: "a snapshot of 100,000 tasks while 64 callers append: event loop and latency",
  run: async (bench): Promise<Row[]> => {
    const tasks = sized(bench, { full: 100_000, quick: 10_000, tiny: 100 });
    const dir = join(bench.dir, "store");
    bench.progress("filling");
    await runInChild("fill-tasks", dir, tasks, 0);
    const { idle, appending, snapshot } = await measure(bench, dir);
    const p99 = (stalls: readonly Stall[]): number[] =>
      stalls.map(({ appendMs }) => quantile(appendMs, 0.99));
    const during = `P6 snapshot of ${tasks.toLocaleString("en-US")} tasks`;
    return [
      rowOf({
        name: `${during}: event loop p99.9, beside idle`,
        unit: "ms",
        ours: snapshot.map(({ p999Ms }) => p999Ms),
        theirs: idle.map(({ p999Ms }) => p999Ms),
        goal: { oursBelow: 10 },
      }),
      rowOf({
        name: `${during}: event loop max, beside idle`,
        unit: "ms",
        // The worst of all rounds: a median of maxima would hide the one stall that a user sees.
        ours: [Math.max(...snapshot.map(({ maxMs }) => maxMs))],
        theirs: [Math.max(...idle.map(({ maxMs }) => maxMs))],
        goal: { oursBelow: 25 },
        note: "the worst of all rounds",
        rounds: bench.rounds,
      }),
      rowOf({
        name: `P6 64 callers and no snapshot: event loop p99.9, beside idle`,
        unit: "ms",
        ours: appending.map(({ p999Ms }) => p999Ms),
        theirs: idle.map(({ p999Ms }) => p999Ms),
      }),
      rowOf({
        name: `${during}: append p99, beside without it`,
        unit: "ms",
        ours: p99(snapshot),
        theirs: p99(appending),
        goal: { ratioAtMost: 2 },
      }),
    ];
  },
};
