import { describe, expect, test } from "vitest";
import { host, stateOf, task } from "./sample-host.test.ts";
import type { WholeTask } from "./whole-task.ts";

type Entry = WholeTask["logs"][number];

const at = (second: number): string => new Date(Date.UTC(2025, 0, 1, 0, 0, second)).toISOString();

/** Entries that count how often somebody reads their message. */
const countedEntries = (): {
  readonly entry: (second: number) => Entry;
  readonly reads: () => number;
} => {
  let reads = 0;
  const entry = (second: number): Entry => ({
    timestamp: at(second),
    level: "info",
    type: "output",
    get message() {
      reads += 1;
      return `entry ${second}`;
    },
  });
  return { entry, reads: () => reads };
};

describe("one more entry of a log that is handed in whole", () => {
  test("costs a look at the new ones, however long the log is", async () => {
    // Every entry was compared each time: 18 ms of a save at 20,000 of them.
    const { persistence } = host();
    const { entry, reads } = countedEntries();
    const grown = async (from: number, to: number): Promise<number> => {
      const before = reads();
      for (let second = from; second < to; second += 1) {
        logs = [...logs, entry(second)];
        await persistence.saveTask(task("a", { logs, updated_at: at(second) }));
        await persistence.saveState(stateOf(task("a", { logs, updated_at: at(second) })));
      }
      return reads() - before;
    };
    let logs: Entry[] = [];
    await grown(0, 10);
    const short = await grown(10, 60);
    logs = [...logs, ...Array.from({ length: 1_000 }, (_, index) => entry(60 + index))];
    await persistence.saveTask(task("a", { logs, updated_at: at(1_059) }));
    await grown(1_060, 1_062);
    expect(await grown(1_062, 1_112)).toBe(short);
    expect((await persistence.loadTasks())[0]?.logs).toEqual(logs);
    await persistence.shutdown();
  });

  test("is the same log to its last letter, whatever comes in between, as if all had been compared", async () => {
    const { persistence } = host();
    const other = host();
    let logs: Entry[] = [];
    for (let second = 0; second < 60; second += 1) {
      const { entry } = countedEntries();
      if (second % 13 === 12) logs = logs.slice(0, -2);
      if (second % 17 === 16)
        logs = logs.map((one, index) => (index === 1 ? entry(900 + second) : one));
      logs = [...logs, entry(second)];
      const status = second % 5 === 0 ? "in_progress" : "waiting";
      const given = task("a", { logs, status, updated_at: at(second) });
      await persistence.saveTask(given);
      await other.persistence.saveTask(
        structuredClone({ ...given, logs: logs.map((one) => ({ ...one })) }),
      );
      expect(await persistence.loadTasks()).toEqual(await other.persistence.loadTasks());
    }
    await persistence.shutdown();
    await other.persistence.shutdown();
  });
});

test("an entry that its caller changed in place is saved with the next change of the task", async () => {
  const { persistence } = host();
  const logs = [1, 2, 3].map((second) => ({ ...countedEntries().entry(second) }));
  await persistence.saveTask(task("a", { logs, updated_at: at(3) }));
  await persistence.saveTask(task("a", { logs: [...logs], updated_at: at(3) }));
  const [first] = logs;
  if (first) first.message = "changed";
  await persistence.saveTask(task("a", { logs, status: "waiting", updated_at: at(4) }));
  const [loaded] = await persistence.loadTasks();
  expect(loaded?.logs.map(({ message }) => message)).toEqual(["changed", "entry 2", "entry 3"]);
  await persistence.shutdown();
});
