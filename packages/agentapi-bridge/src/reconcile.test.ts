import { createSimDisk, SimCrash, type SimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";

import { composeConversationState, parseConversationState } from "./conversation-state.ts";
import { openJournal, type Journal } from "./journal.ts";
import { reconcile } from "./reconcile.ts";
import { sessionPaths } from "./session-directory.ts";

const paths = sessionPaths({ sessionDir: "/session" });
const time = (second: number): string => `2026-11-22T02:40:${10 + second}.5Z`;
const conversation = ["Hi!", "fix <it> – «now»", "Done. 👍", "and the tests?", "They pass."].map(
  (message, id) => ({
    role: id % 2 === 0 ? ("agent" as const) : ("user" as const),
    message,
    time: time(id),
  }),
);
const composed = (count: number, initialPrompt = ""): Uint8Array =>
  composeConversationState({
    messages: conversation.slice(0, count),
    initialPrompt,
    initialPromptSent: initialPrompt !== "",
  });

/** A journal in which the first `count` messages were heard, and whose agentapi has ended. */
const journalOf = async (sim: SimDisk, count = conversation.length): Promise<Journal> => {
  const journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
  await journal.note({ phase: "ready", loadResolved: true });
  for (const [id, message] of conversation.slice(0, count).entries()) {
    await journal.hear({ id, ...message });
  }
  await journal.flush();
  return journal;
};

const textsOf = (bytes: Uint8Array): readonly string[] => {
  const read = parseConversationState(bytes);
  return read.verdict === "ok" ? read.state.messages.map(({ message }) => message) : [];
};
const all = conversation.map(({ message }) => message);

it("leaves a state file that holds the conversation, wherever the one before was cut, and keeps what was there", async () => {
  const sim = createSimDisk();
  const journal = await journalOf(sim, 3);
  const whole = composed(3);
  for (let length = 0; length <= whole.length; length += 1) {
    sim.writeRaw(paths.stateFile, whole.slice(0, length));
    const { outcome } = await reconcile(sim.process(), journal, paths);
    expect([length, outcome]).toEqual([length, length === whole.length ? "kept" : "repaired"]);
    expect(sim.readRaw(paths.stateFile)).toEqual(whole);
  }
  const aside = sim.listRaw().filter((path) => path.includes("/quarantine/"));
  expect(aside).toHaveLength(whole.length);
});

it("leaves a state file that holds the conversation, whichever bit of the one before is wrong", async () => {
  const sim = createSimDisk();
  const journal = await journalOf(sim, 3);
  const whole = composed(3);
  for (let index = 0; index < whole.length; index += 1) {
    const harmed = Uint8Array.from(whole, (byte, at) =>
      at === index ? byte ^ (1 << (index % 8)) : byte,
    );
    sim.writeRaw(paths.stateFile, harmed);
    await reconcile(sim.process(), journal, paths);
    // The last message's text is the agent's, and may have been rewritten later than it was heard.
    expect(textsOf(sim.readRaw(paths.stateFile)).slice(0, -1)).toEqual(all.slice(0, 2));
  }
});

it("takes over what the file has more, and writes what it has less, however many messages each has", async () => {
  for (let heard = 0; heard <= conversation.length; heard += 1) {
    for (let saved = 0; saved <= conversation.length; saved += 1) {
      const sim = createSimDisk();
      const journal = await journalOf(sim, heard);
      sim.writeRaw(paths.stateFile, composed(saved));
      const { outcome } = await reconcile(sim.process(), journal, paths);
      const most = Math.max(heard, saved);
      expect(journal.messages().map(({ message }) => message)).toEqual(all.slice(0, most));
      expect(textsOf(sim.readRaw(paths.stateFile))).toEqual(all.slice(0, most));
      const expected = saved > heard ? "adopted" : saved < heard ? "repaired" : "kept";
      expect([heard, saved, outcome]).toEqual([heard, saved, expected]);
      await journal.close();
    }
  }
});

it("has agentapi deliver a prompt that it counts as sent and that never became a message", async () => {
  const sim = createSimDisk();
  const journal = await journalOf(sim, 1);
  sim.writeRaw(paths.stateFile, composed(1, "begin"));
  await reconcile(sim.process(), journal, paths);
  const read = parseConversationState(sim.readRaw(paths.stateFile));
  expect(read).toMatchObject({ state: { initialPrompt: "begin", initialPromptSent: false } });
  await journal.close();
});

it("leaves the old file or the new one, wherever the power fails, and the next time the new one", async () => {
  const sim = createSimDisk();
  const first = await journalOf(sim);
  sim.writeRaw(paths.stateFile, composed(2));
  await first.close();
  const before = sim.snapshotState();
  const contents = [2, conversation.length].map((count) => composed(count));
  let isThrough = false;
  for (let call = 1; !isThrough; call += 1) {
    for (const inside of [false, true]) {
      sim.restore(before);
      const journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
      sim.crashAt(sim.callCount + call, { inside });
      const done = reconcile(sim.process(), journal, paths).catch((error: unknown) => {
        if (!(error instanceof SimCrash)) throw error;
      });
      await Promise.race([done, sim.whenCrashed]);
      isThrough = !sim.isCrashed;
      if (isThrough) break;
      sim.powerCut("random");
      expect(contents).toContainEqual(sim.readRaw(paths.stateFile));
      const again = await openJournal({ sessionDir: "/session", disk: sim.process() });
      await reconcile(sim.process(), again, paths);
      expect(sim.readRaw(paths.stateFile)).toEqual(contents[1]);
      await again.close();
    }
  }
});
