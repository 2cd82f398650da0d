/**
 * SIGKILL of agentapi in each phase of its supervision: what it had acknowledged is there in its next life.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { SupervisedAgentApi, SuperviseEvent } from "@taskwal/agentapi-bridge";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import type { SomeToggles } from "./fake-toggles.ts";
import { endSessions, said, Session, turn, until } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const greeting = "agent: demo-agent 1.3.0 – type a message";
const before = [greeting, "user: hello", "agent: You said: hello"];

/** A session with a conversation, and nothing running. */
const stoppedSession = async (toggles: SomeToggles = {}): Promise<Session> => {
  const session = await Session.of(fakeProgram("0.12.1", toggles));
  const supervised = await session.supervise();
  await turn(supervised, "hello");
  await supervised.stop();
  return session;
};

const kill = (pid: number): void => void process.kill(pid, "SIGKILL");

const nextLife = async (session: Session): Promise<readonly string[]> => {
  const next = await session.supervise();
  await turn(next, "and now?");
  const all = said(next);
  expect(all.slice(-2)).toEqual(["user: and now?", "agent: You said: and now?"]);
  expect((await next.stop()).ended).toBe("terminated");
  expect(session.saved).toEqual(all);
  return all.slice(0, -2);
};

describe.concurrent("an agentapi that is killed", () => {
  it.each(["spawned", "started"] as const)(
    "has lost nothing, and its supervisor says so at once: when it was %s",
    async (phase) => {
      const session = await stoppedSession();
      const onEvent = (event: SuperviseEvent): void => {
        session.heard(event);
        if (event.event === phase) kill(event.pid);
      };
      const starting = session.supervise({ onEvent });
      if (phase === "spawned") {
        await expect(starting).rejects.toThrow("agentapi did not start: it ended at once");
      } else {
        const supervised = await starting;
        expect(await supervised.ended).toEqual({ code: null, signal: "SIGKILL" });
        expect((await supervised.send("too late").catch(() => undefined))?.outcome).not.toBe(
          "accepted",
        );
      }
      expect(await nextLife(session)).toEqual(before);
    },
  );

  it("has lost nothing that it accepted before, saved or not", async () => {
    const session = await stoppedSession();
    // An agent that thinks for a second: nothing makes agentapi save the message meanwhile.
    const supervised = await session.supervise({ command: session.agent("thinks") });
    const { outcome } = await supervised.send("do not lose me");
    expect(outcome).toBe("accepted");
    kill(supervised.agent.identity.pid);
    await supervised.ended;
    expect(session.saved).toEqual([...before, "user: do not lose me"]);
    const all = await nextLife(session);
    expect(all.slice(0, 4)).toEqual([...before, "user: do not lose me"]);
  });

  it("leaves a message that it was just given indeterminate, and never twice in the journal", async () => {
    const session = await stoppedSession({ postHold: 400 });
    const supervised = await session.supervise();
    const sending = supervised.send("perhaps");
    await until("it is told", () => said(supervised).includes("user: perhaps"));
    kill(supervised.agent.identity.pid);
    expect(["accepted", "indeterminate"]).toContain((await sending).outcome);
    await supervised.ended;
    const all = await nextLife(session);
    expect(all.filter((one) => one === "user: perhaps")).toHaveLength(1);
  });

  it("makes a checkpoint fail, and not hang, in the middle of its save", async () => {
    const session = await stoppedSession();
    const env = session.toggled({ saveFail: "crashBeforeRename" });
    const supervised = await session.supervise({ env });
    expect((await supervised.send("more")).outcome).toBe("accepted");
    // It is asked for a save once it has replied.
    expect(await supervised.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(session.events).toContainEqual({
      event: "checkpoint",
      verdict: "failed",
      reason: "it ended before it had saved",
    });
    const all = await nextLife(session);
    expect(all.slice(0, 5)).toEqual([...before, "user: more", "agent: You said: more"]);
  });

  it("is stopped as if it had been, in each phase of a stop", async () => {
    for (const phase of ["checkpoint", "end"]) {
      const session = await stoppedSession({ saveDelayMs: 200 });
      const supervised: SupervisedAgentApi = await session.supervise({
        onEvent: (event) => {
          session.heard(event);
          if (event.event === "stopping" && event.phase === phase) {
            kill(supervised.agent.identity.pid);
          }
        },
      });
      // At its end it may be gone before it is looked at, or be ended as asked.
      const ends = phase === "end" ? ["terminated", "already"] : ["already"];
      expect(ends).toContain((await supervised.stop()).ended);
      expect(await nextLife(session)).toEqual(before);
    }
  });
});
