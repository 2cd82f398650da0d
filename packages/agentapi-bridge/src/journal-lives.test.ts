import { createSimDisk, Prng, type SimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";

import type { ConversationMessage } from "./conversation-state.ts";
import { openJournal, type Journal } from "./journal.ts";
import { actions, complaintAbout, SampleAgentApi, type Action } from "./sample-agentapi.test.ts";

const open = (sim: SimDisk): Promise<Journal> =>
  openJournal({ sessionDir: "/session", disk: sim.process() });

const processOf = (pid: number) => ({
  pid,
  startTime: String(pid),
  bootId: "boot",
  pidNamespace: "pid:[1]",
  host: "host",
});

/** A life of both: the actions of an agentapi, among them ends of the bridge, after which another one comes. */
const live = async (seed: number, length: number): Promise<string | undefined> => {
  const prng = new Prng(seed);
  const sim = createSimDisk({ seed });
  const agentApi = new SampleAgentApi();
  let journal = await open(sim);
  const done: string[] = [];
  let lives = 1;
  let before: readonly ConversationMessage[] = [];

  const hear = async (action: Action | undefined): Promise<void> => {
    const { isAnother, updates } = action === undefined ? agentApi.all : agentApi.act(action);
    if (isAnother) {
      lives += 1;
      await journal.note({ phase: "spawned", process: processOf(lives) });
    }
    await Promise.all(updates.map((update) => journal.hear(update)));
  };

  await journal.note({ phase: "spawned", process: processOf(lives) });
  await hear(undefined);
  for (let step = 0; step < length; step += 1) {
    before = journal.messages();
    if (prng.below(4) === 0) {
      done.push("power cut");
      sim.powerCut("random");
      journal = await open(sim);
      agentApi.isConnected = true;
      await hear(undefined);
    } else {
      const action = prng.pick(actions);
      done.push(action);
      await hear(action);
    }
    await journal.flush();
    const { committed, hasOpenMessage } = journal.projection();
    const messages = journal.messages();
    const own = [
      ...committed,
      ...(hasOpenMessage ? messages.slice(-1) : []),
    ] as ConversationMessage[];
    const found = complaintAbout(agentApi, { before, messages, own });
    if (found !== undefined) return `seed ${seed}: ${done.join(", ")}: ${found}`;
  }
  await journal.close();
  return undefined;
};

it("is whole after any lives of agentapi and of the bridge, with the power gone in between", async () => {
  const lives = process.env["TASKWAL_LONG"] === "1" ? 1000 : 60;
  const wrong: string[] = [];
  for (let seed = 1; seed <= lives && wrong.length < 3; seed += 1) {
    const found = await live(seed, 25);
    if (found !== undefined) wrong.push(found);
  }
  expect(wrong).toEqual([]);
}, 600_000);
