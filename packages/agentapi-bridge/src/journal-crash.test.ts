import { isDeepStrictEqual } from "node:util";
import { createSimDisk, SimCrash, type PowerCutChoice } from "@taskwal/disk/sim";
import { expect, it } from "vitest";

import { openJournal, type Journal } from "./journal.ts";

const sessionDir = "/session";
const process = (pid: number) => ({
  pid,
  startTime: String(pid),
  bootId: "boot",
  pidNamespace: "pid:[1]",
  host: "host",
});
const time = (second: number): string => `2026-11-22T02:40:${10 + second}.5Z`;
const agent = (id: number, message: string) =>
  ({ id, role: "agent", message, time: time(id) }) as const;
const user = (id: number, message: string) =>
  ({ id, role: "user", message, time: time(id) }) as const;

type Step = (journal: Journal) => Promise<unknown>;

/** One life of an agentapi, its end, and the beginning of the next. */
const steps: readonly Step[] = [
  (journal) => journal.note({ phase: "spawned", process: process(7), port: 3284 }),
  (journal) => journal.hear(agent(0, "")),
  (journal) => journal.hear(agent(0, "Hi!")),
  (journal) => journal.note({ phase: "ready", loadResolved: true }),
  (journal) => journal.intend("fix it "),
  (journal) => journal.hear(user(1, "fix it")),
  (journal) => journal.settle("1", "accepted"),
  (journal) => journal.hear(agent(2, "On")),
  (journal) => journal.hear(agent(2, "On it")),
  (journal) => journal.flush(),
  (journal) => journal.hear(agent(2, "Done.")),
  (journal) => journal.intend("and now?"),
  (journal) => journal.settle("2", "indeterminate", "the connection broke: ECONNRESET"),
  (journal) => journal.hear(user(3, "go on")),
  (journal) => journal.hear(agent(4, "Done.")),
  (journal) => journal.hear(user(5, "and now?")),
  (journal) => journal.intend("last words"),
  (journal) => journal.settle("3", "accepted"),
  (journal) => journal.note({ phase: "stopped" }),
  (journal) => journal.recover([agent(0, "Hi!"), user(1, "fix it")]),
  (journal) => journal.note({ phase: "spawned", process: process(8), loadResolved: false }),
  (journal) => journal.hear(agent(0, "booting")),
  (journal) => journal.hear(user(1, "hello")),
  (journal) => journal.close(),
];

/** All that a journal says, as a bridge that comes later sees it. */
const stateOf = (journal: Journal): unknown =>
  structuredClone([
    journal.session,
    journal.messages(),
    journal
      .commands()
      .map(({ outcome, detail, ...rest }) =>
        outcome === "pending"
          ? { ...rest, outcome: "indeterminate" }
          : { ...rest, outcome, ...(outcome === "rejected" && { detail }) },
      ),
    journal.projection(),
  ]);

it("keeps each step that it has acknowledged, and no half of one, wherever the power fails", async () => {
  const sim = createSimDisk();
  const journal = await openJournal({ sessionDir, disk: sim.process() });
  const opened = sim.snapshotState();
  const firstCall = sim.callCount + 1;
  const states = [stateOf(journal)];
  for (const step of steps) {
    await step(journal);
    states.push(stateOf(journal));
  }
  const calls = sim.callCount - firstCall + 1;
  expect(calls).toBeGreaterThan(steps.length);

  const choices: readonly PowerCutChoice[] = [
    "random",
    { writes: "none", names: "none" },
    { writes: "all", names: "all" },
  ];
  const wrong: string[] = [];
  for (let call = 1; call <= calls; call += 1) {
    for (const inside of [false, true]) {
      for (const choice of choices) {
        sim.restore(opened);
        const writer = await openJournal({ sessionDir, disk: sim.process() });
        sim.crashAt(sim.callCount + call, { inside });
        const progress = { steps: 0 };
        await Promise.race([run(writer, progress), sim.whenCrashed]);
        const reached = progress.steps;
        if (!sim.isCrashed) continue;
        sim.powerCut(choice);
        const reader = await openJournal({ sessionDir, disk: sim.process() });
        const state = stateOf(reader);
        const isAllowed = states
          .slice(reached, reached + 2)
          .some((one) => isDeepStrictEqual(one, state));
        if (!isAllowed)
          wrong.push(
            `call ${call}, inside ${inside}: ${reached} steps, then ${JSON.stringify(state)}`,
          );
        await reader.close();
      }
    }
  }
  expect(wrong.slice(0, 3)).toEqual([]);
});

const run = async (journal: Journal, progress: { steps: number }): Promise<void> => {
  for (const step of steps) {
    try {
      await step(journal);
    } catch (error) {
      if (error instanceof SimCrash) return;
      throw error;
    }
    progress.steps += 1;
  }
};
