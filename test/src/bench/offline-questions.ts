/**
 * What a person asks of a log offline, and how long each answer takes: the slowest of several points is told.
 *
 *     open ─> state of a task, of all ─ blame ─ diff ─ bisect ─ records
 *
 * The rule: points and tasks come from a seed; an answer is read to its end, and one that is empty is an error.
 */
import { open } from "taskwal/offline";
import { entityId } from "./contender.ts";
import { randomFrom } from "./payload.ts";

export interface OfflineAnswers {
  readonly openMs: number;
  /** Of the process, until all was answered. */
  readonly peakRssBytes: number;
  /** The slowest answer to each question, by its name. */
  readonly slowestMs: Readonly<Record<string, number>>;
}

const pointsAsked = 20;

/** `cacheDir` outside of `dir`: what was read before is taken from there. */
export const askOffline = async (
  dir: string,
  cacheDir: string,
  tasks: number,
): Promise<OfflineAnswers> => {
  const startMs = performance.now();
  const offline = await open(dir, { cacheDir });
  const openMs = performance.now() - startMs;
  const { last } = await offline.info();
  const random = randomFrom(2);
  const task = (): { entity: string; id: string } => {
    return { entity: "task", id: entityId(random() % tasks) };
  };
  const point = (): number => tasks + (random() % (last - tasks));
  const failed = (value: unknown): boolean =>
    (value as { status?: string } | undefined)?.status === "failed";
  const apart = async (distance: number): Promise<number> => {
    const b = Math.max(point(), Math.min(last, tasks + distance));
    const { entities } = await offline.diff(Math.max(0, b - distance), b);
    return entities.length;
  };
  const questions: Readonly<Record<string, () => Promise<number>>> = {
    "the state of a task at any point": async () =>
      (await (await offline.stateAt(point())).get(task())) === undefined ? 0 : 1,
    [`the state of all ${tasks.toLocaleString("en-US")} tasks at any point`]: async () =>
      count((await offline.stateAt(point())).list("task")),
    "blame of a task": async () => (await offline.blame(task(), point())).fields.length,
    "diff of two points that are 1,000 records apart": () => apart(1_000),
    "diff of two points that are 100,000 records apart": () => apart(100_000),
    "bisect: every flip of a task's condition": async () =>
      1 + (await count(offline.flips({ ref: task(), test: failed }))),
    "trace of a task": () => count(offline.trace(task().id)),
    "the last 10 records before any point": async () => {
      const to = point();
      return count(offline.records({ after: to - 10, to }));
    },
  };
  const slowestMs: Record<string, number> = {};
  for (const [name, ask] of Object.entries(questions)) slowestMs[name] = await slowest(name, ask);
  await offline.close();
  return { openMs, peakRssBytes: process.resourceUsage().maxRSS * 1_024, slowestMs };
};

const slowest = async (name: string, ask: () => Promise<number>): Promise<number> => {
  let slowestMs = 0;
  for (let asked = 0; asked < pointsAsked; asked += 1) {
    const startMs = performance.now();
    const found = await ask();
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    if (found === 0) throw new Error(`nothing was answered to: ${name}`);
  }
  return slowestMs;
};

const count = async (stream: AsyncIterable<unknown>): Promise<number> => {
  let found = 0;
  for await (const _ of stream) found += 1;
  return found;
};
