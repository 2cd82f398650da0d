/**
 * A supervised agentapi: started, talked with, saved, stopped, started again. On the fake, and on the real one where it is.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram, type Program } from "./agentapi-process.ts";
import { realProgram } from "./real-agentapi.ts";
import { endSessions, said, Session, turn } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const conversation = [
  "agent: demo-agent 1.3.0 – type a message",
  "user: hello",
  "agent: You said: hello",
];

interface Case {
  readonly name: string;
  readonly run: (program: Program) => Promise<void>;
}

const cases: readonly Case[] = [
  {
    name: "is started, followed, saved and ended, and goes on with its conversation in its next life",
    run: async (program) => {
      const session = await Session.of(program);
      const first = await session.supervise();
      expect(session.names).toEqual(["reconciled", "spawned", "started", "loaded"]);
      await turn(first, "hello");
      expect(said(first)).toEqual(conversation);
      expect((await first.checkpoint()).verdict).toMatch(/^(verified|clean)$/);
      expect(session.saved).toEqual(conversation);
      const { ended, checkpoint } = await first.stop();
      expect(ended).toBe("terminated");
      expect(checkpoint?.verdict).toMatch(/^(verified|clean)$/);
      expect(await first.ended).toEqual({ code: 0, signal: null });
      const second = await session.supervise();
      await turn(second, "more");
      expect(said(second)).toEqual([...conversation, "user: more", "agent: You said: more"]);
      await second.stop();
      expect(session.saved).toEqual(said(second));
    },
  },
  {
    name: "runs on when it is left, is adopted as it was, and is one and the same to who comes next",
    run: async (program) => {
      const session = await Session.of(program);
      const first = await session.supervise();
      await turn(first, "hello");
      await first.leave();
      const second = await session.supervise();
      expect(second.agent.identity).toEqual(first.agent.identity);
      expect(second.agent.isAdopted).toBe(true);
      await turn(second, "more");
      expect(said(second)).toEqual([...conversation, "user: more", "agent: You said: more"]);
      expect((await second.checkpoint()).verdict).toMatch(/^(verified|clean)$/);
      expect((await second.stop()).ended).toBe("terminated");
      expect(session.saved).toEqual(said(second));
    },
  },
  {
    name: "is given back a message that it accepted, never saved, and lost with its life",
    run: async (program) => {
      const session = await Session.of(program);
      const first = await session.supervise({ command: session.agent("thinks") });
      expect((await first.send("do not lose me")).outcome).toBe("accepted");
      process.kill(first.agent.identity.pid, "SIGKILL");
      await first.ended;
      const second = await session.supervise();
      expect(said(second).slice(0, 2)).toEqual([conversation[0], "user: do not lose me"]);
      await second.stop();
      expect(session.saved?.slice(0, 2)).toEqual([conversation[0], "user: do not lose me"]);
    },
  },
  {
    name: "has one supervisor: a second one is refused, and changes nothing",
    run: async (program) => {
      const session = await Session.of(program);
      const first = await session.supervise();
      await expect(session.supervise()).rejects.toMatchObject({ code: "LOCKED" });
      await turn(first, "hello");
      await first.stop();
      expect(session.saved).toEqual(conversation);
    },
  },
];

describe.concurrent("a supervised agentapi, the fake 0.12.1", () => {
  it.each(cases)("$name", ({ run }) => run(fakeProgram("0.12.1")));
});

const real = realProgram("0.12.1");
if ("reason" in real) {
  describe(`a supervised agentapi, the real 0.12.1 (not here: ${real.reason})`, () => {
    for (const { name } of cases) it.skip(name, () => {});
  });
} else {
  describe.concurrent("a supervised agentapi, the real 0.12.1", () => {
    it.each(cases)("$name", ({ run }) => run(real.program), 120_000);
  });
}
