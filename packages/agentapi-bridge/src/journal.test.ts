import { LockedError } from "@taskwal/errors";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { openJournal, type Journal } from "./journal.ts";

const open = (sim: SimDisk): Promise<Journal> =>
  openJournal({ sessionDir: "/s", disk: sim.process() });

const time = (second: number): string => `2026-11-22T02:40:${10 + second}.5Z`;
const agent = (id: number, message: string, second = id) =>
  ({ id, role: "agent", message, time: time(second) }) as const;
const user = (id: number, message: string, second = id) =>
  ({ id, role: "user", message, time: time(second) }) as const;

const textsOf = (journal: Journal): readonly string[] =>
  journal.messages().map(({ role, message }) => `${role}: ${message}`);

const outcomesOf = (journal: Journal): readonly string[] =>
  journal.commands().map(({ text, outcome }) => `${text}: ${outcome}`);

const logBytes = (sim: SimDisk): number =>
  sim
    .listRaw()
    .filter((path) => path.endsWith(".jsonl"))
    .reduce((sum, path) => sum + sim.readRaw(path).length, 0);

const processOf = (pid: number, bootId = "b") => ({
  pid,
  startTime: "1",
  bootId,
  pidNamespace: "n",
  host: "h",
});

describe("a journal", () => {
  it("keeps what was said in the order in which it was said, over a hundred messages and an end", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    const all = Array.from({ length: 120 }, (_, id) =>
      id % 2 ? user(id, `${id}`, id % 50) : agent(id, `${id}`, id % 50),
    );
    await Promise.all(all.map((one) => journal.hear(one)));
    await journal.close();
    const again = await open(sim);
    expect(textsOf(again)).toEqual(all.map(({ role, message }) => `${role}: ${message}`));
    expect(again.projection().committed).toHaveLength(120);
  });

  it("keeps identical replies as messages of their own, and all that is told again only once", async () => {
    const journal = await open(createSimDisk());
    const told = [
      agent(0, "hi"),
      user(1, "go"),
      agent(2, "Done."),
      user(3, "go"),
      agent(4, "Done."),
    ];
    for (let connection = 0; connection < 3; connection += 1) {
      for (const one of told) await journal.hear(one);
    }
    expect(textsOf(journal)).toEqual(told.map(({ role, message }) => `${role}: ${message}`));
  });

  it("has one owner", async () => {
    const sim = createSimDisk();
    await open(sim);
    await expect(open(sim)).rejects.toBeInstanceOf(LockedError);
  });

  it("costs its log the length of a reply that grows, not the sum of its lengths", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.hear(agent(0, ""));
    const before = logBytes(sim);
    const steps = 200;
    const line = `${"word ".repeat(16)}\n`;
    for (let step = 1; step <= steps; step += 1) {
      // The line that is redrawn below, as a program on a terminal does.
      await journal.hear(agent(0, `${line.repeat(step)}thinking ${step}`));
      await journal.flush();
    }
    const grown = logBytes(sim) - before;
    expect(grown).toBeLessThan(steps * (line.length + 400));
    expect(journal.messages()[0]?.message).toBe(`${line.repeat(steps)}thinking ${steps}`);
  });

  it("records of a text that changes only what it is when it is asked to, or when it closes", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.hear(agent(0, "a"));
    const before = logBytes(sim);
    for (let change = 0; change < 1000; change += 1) await journal.hear(agent(0, `a${change}`));
    expect(logBytes(sim)).toBe(before);
    expect(journal.hasRevision).toBe(true);
    await journal.close();
    expect(textsOf(await open(sim))).toEqual(["agent: a999"]);
  });

  it("records a text that changes before the message that follows it", async () => {
    const journal = await open(createSimDisk());
    for (const one of [agent(0, "a"), agent(0, ""), agent(0, "ab"), user(1, "x")]) {
      await journal.hear(one);
    }
    expect(textsOf(journal)).toEqual(["agent: ab", "user: x"]);
  });
});

describe("a command", () => {
  it("without an answer is indeterminate after a crash, and accepted once its message is told", async () => {
    const sim = createSimDisk();
    const first = sim.process();
    const journal = await openJournal({ sessionDir: "/s", disk: first });
    await journal.hear(agent(0, "hi"));
    await journal.intend("  fix\r\nit ");
    first.kill();
    const again = await open(sim);
    expect(again.commands()).toEqual([
      {
        id: "1",
        text: "  fix\r\nit ",
        afterId: 0,
        outcome: "indeterminate",
        detail: "the bridge ended before agentapi answered",
      },
    ]);
    await again.hear(user(1, "fix\r\nit"));
    expect(again.commands()).toEqual([
      { id: "1", text: "  fix\r\nit ", afterId: 0, outcome: "accepted" },
    ]);
  });

  it("is not one of the messages that were there before it, nor one that is another command's", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "hi"));
    await journal.hear(user(1, "yes"));
    await journal.intend("yes");
    await journal.settle("1", "indeterminate");
    await journal.hear(user(1, "yes"));
    expect(outcomesOf(journal)).toEqual(["yes: indeterminate"]);
    await journal.intend("yes");
    await journal.hear(agent(2, "Yes what?"));
    await journal.hear(user(3, "yes"));
    await journal.settle("2", "accepted");
    expect(outcomesOf(journal)).toEqual(["yes: indeterminate", "yes: accepted"]);
    await journal.hear(agent(4, "OK"));
    await journal.hear(user(5, "yes"));
    expect(outcomesOf(journal)).toEqual(["yes: accepted", "yes: accepted"]);
  });

  it("that was told stays accepted, whatever the answer was", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "hi"));
    await journal.intend("go");
    await journal.hear(user(1, "go"));
    await journal.settle("1", "indeterminate", "the connection broke: ECONNRESET");
    expect(outcomesOf(journal)).toEqual(["go: accepted"]);
  });

  it("that was accepted and never told is a message once another process has taken the place of that agentapi", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "hi"));
    await journal.intend("go");
    await journal.settle("1", "accepted");
    // It is known only now which process it is.
    await journal.note({ phase: "started", process: processOf(1) });
    expect(textsOf(journal)).toEqual(["agent: hi"]);
    await journal.note({ phase: "spawned", process: processOf(2) });
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go"]);
    await journal.recover([]);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go"]);
  });

  it("that was accepted is one message, also where a later agentapi has saved it, and not the next one of the same text", async () => {
    const sim = createSimDisk({ startMs: Date.parse("2026-11-22T02:40:12.5Z") });
    const journal = await open(sim);
    await journal.hear(agent(0, "hi"));
    await journal.intend("go");
    await journal.settle("1", "accepted");
    await journal.note({ phase: "started", process: processOf(1) });
    await journal.note({ phase: "spawned", process: processOf(2) });
    // It has loaded a state with it, and goes on.
    for (const one of [agent(0, "hi"), user(1, "go"), agent(2, "Gone."), user(3, "go")]) {
      await journal.hear(one);
    }
    const said = ["agent: hi", "user: go", "agent: Gone.", "user: go"];
    expect(textsOf(journal)).toEqual(said);
    await journal.intend("go");
    await journal.settle("2", "accepted");
    await journal.recover([]);
    await journal.note({ phase: "spawned", process: processOf(3) });
    // It has loaded nothing.
    for (const one of [agent(0, "hi"), user(1, "go", 20)]) await journal.hear(one);
    expect(textsOf(journal)).toEqual([...said, "user: go", "user: go"]);
  });

  it("that was accepted and is not told yet ends the conversation, and is in it once when it is told", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "hi"));
    await journal.intend(" go ");
    const read = (): readonly string[] => journal.conversation().map(({ message }) => message);
    expect(read()).toEqual(["hi"]);
    await journal.settle("1", "accepted");
    expect(read()).toEqual(["hi", "go"]);
    await journal.hear(user(1, "go"));
    expect(read()).toEqual(["hi", "go"]);
  });

  it("that was accepted and never told is a message after the end of agentapi, once", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.hear(agent(0, "hi"));
    await journal.intend(" go ");
    await journal.settle("1", "accepted");
    await journal.intend("no");
    await journal.settle("2", "rejected", "agentapi answered 500: message must not be empty");
    await journal.intend("perhaps");
    await journal.settle("3", "indeterminate");
    await journal.recover([agent(0, "hi")]);
    await journal.recover([]);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go"]);
    expect(outcomesOf(journal)).toEqual([
      " go : accepted",
      "no: rejected",
      "perhaps: indeterminate",
    ]);
  });
});

describe("after an end of agentapi, a journal", () => {
  it("takes over what the state file has more, and finds the commands in it", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "hi"));
    await journal.intend("go");
    await journal.settle("1", "indeterminate");
    await journal.recover([agent(0, "hi"), user(1, "go"), agent(2, "Gone.")]);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go", "agent: Gone."]);
    expect(outcomesOf(journal)).toEqual(["go: accepted"]);
    expect(journal.messages().map(({ origin }) => origin)).toEqual([
      "heard",
      "recovered",
      "recovered",
    ]);
  });

  it("keeps of two texts of the last message the later one", async () => {
    const journal = await open(createSimDisk());
    await journal.hear(agent(0, "half a", 5));
    await journal.recover([agent(0, "ha", 4)]);
    expect(textsOf(journal)).toEqual(["agent: half a"]);
    const later = { ...agent(0, "half a reply"), time: `${time(5).slice(0, -1)}000001Z` };
    await journal.recover([later]);
    expect(textsOf(journal)).toEqual(["agent: half a reply"]);
  });

  it("takes nothing of another conversation", async () => {
    const journal = await open(createSimDisk());
    for (const one of [agent(0, "hi"), user(1, "go"), agent(2, "Gone.")]) await journal.hear(one);
    const other = [agent(0, "hi"), user(1, "stop", 9), agent(2, "Stopped."), user(3, "go")];
    await expect(journal.recover(other)).rejects.toThrow(
      "it is not the message that the journal has",
    );
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go", "agent: Gone."]);
  });

  it("goes on when the next one loads all of it, and holds a boot screen back", async () => {
    const journal = await open(createSimDisk());
    await journal.note({ phase: "spawned", process: processOf(1) });
    const said = [agent(0, "hi"), user(1, "go"), agent(2, "Gone.")];
    for (const one of said) await journal.hear(one);
    await journal.note({ phase: "spawned", process: processOf(2) });
    expect(await journal.hear(agent(0, "loading model weights…", 20))).toBe("held");
    for (const one of [...said, user(3, "more")]) await journal.hear(one);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go", "agent: Gone.", "user: more"]);
    expect(journal.projection().committed).toHaveLength(4);
  });

  it.each([
    ["a process of another number", processOf(2)],
    ["one of the same number after a boot", processOf(1, "another boot")],
  ])("keeps its only message when another one tells its boot screen: %s", async (_, other) => {
    const journal = await open(createSimDisk());
    await journal.note({ phase: "spawned", process: processOf(1) });
    await journal.hear(agent(0, "hi"));
    await journal.note({ phase: "ready", process: processOf(1) });
    expect(await journal.hear(agent(0, "hi!"))).toBe("revised");
    await journal.note({ phase: "spawned", process: other });
    expect(await journal.hear(agent(0, "loading model weights…"))).toBe("held");
    await journal.flush();
    expect(textsOf(journal)).toEqual(["agent: hi!"]);
  });

  it("puts the conversation of one that loads nothing behind, and knows which part is its own", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.note({ phase: "spawned", process: processOf(1) });
    for (const one of [agent(0, "hi"), user(1, "go"), agent(2, "Gone.")]) await journal.hear(one);
    await journal.note({ phase: "spawned", process: processOf(2) });
    for (const one of [agent(0, "hi again", 20), user(1, "hello", 21), agent(2, "Hello.", 22)]) {
      await journal.hear(one);
    }
    await journal.close();
    const again = await open(sim);
    expect(textsOf(again).slice(3)).toEqual(["agent: hi again", "user: hello", "agent: Hello."]);
    expect(again.projection()).toMatchObject({
      committed: [{ message: "hi again" }, { message: "hello" }],
      hasOpenMessage: true,
    });
    // What its state file has more is its own too.
    await again.recover([
      agent(0, "hi again", 20),
      user(1, "hello", 21),
      agent(2, "Hello.", 22),
      user(3, "bye", 23),
    ]);
    expect(textsOf(again)).toHaveLength(7);
    expect(again.projection().committed).toHaveLength(7);
  });
});

describe("when the disk fails, a journal", () => {
  it("refuses while it is full, and has all of it once it is told again with room", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.hear(agent(0, "hi"));
    sim.capacityBytes = sim.usedBytes;
    await expect(journal.hear(user(1, "go"))).rejects.toThrow();
    await expect(journal.intend("go")).rejects.toThrow();
    sim.capacityBytes = undefined;
    for (const one of [agent(0, "hi"), user(1, "go"), agent(2, "Gone.")]) await journal.hear(one);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go", "agent: Gone."]);
    expect(journal.commands()).toEqual([]);
  });

  it("opens itself again after a sync that failed, and has each message once", async () => {
    const sim = createSimDisk();
    const journal = await open(sim);
    await journal.hear(agent(0, "hi"));
    sim.fail(({ kind, path }) => kind === "write" && path.includes("/wal/"), "EIO");
    await expect(journal.hear(user(1, "go"))).rejects.toThrow();
    for (const one of [agent(0, "hi"), user(1, "go"), agent(2, "Gone.")]) await journal.hear(one);
    expect(textsOf(journal)).toEqual(["agent: hi", "user: go", "agent: Gone."]);
  });
});
