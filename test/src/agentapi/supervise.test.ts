/**
 * A supervised agentapi: started, talked with, saved, stopped, started again.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { endSessions, said, Session, turn } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const greeting = "agent: demo-agent 1.3.0 – type a message";

describe.concurrent("a supervised agentapi", () => {
  it("is started, followed, saved and ended, and goes on with its conversation in its next life", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const first = await session.supervise();
    expect(session.names).toEqual(["reconciled", "spawned", "started", "loaded"]);
    await turn(first, "hello");
    const conversation = [greeting, "user: hello", "agent: You said: hello"];
    expect(said(first)).toEqual(conversation);
    expect((await first.checkpoint()).verdict).toMatch(/verified|clean/);
    expect(session.saved).toEqual(conversation);
    const { ended, checkpoint } = await first.stop();
    expect([ended, checkpoint?.verdict]).toEqual([
      "terminated",
      expect.stringMatching(/verified|clean/),
    ]);
    expect(await first.ended).toEqual({ code: 0, signal: null });
    const second = await session.supervise();
    await turn(second, "more");
    expect(said(second)).toEqual([...conversation, "user: more", "agent: You said: more"]);
    await second.stop();
    expect(session.saved).toEqual(said(second));
  });
});
