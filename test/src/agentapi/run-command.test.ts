/**
 * `taskwal agentapi run`, `status` and `checkpoint`, as processes of their own.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { disk, endSessions, runVerb, Session, VerbProcess } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const ask = async (session: Session, verb: string): Promise<readonly [number | null, unknown]> => {
  const looking = new VerbProcess(session, verb);
  const code = await looking.ended;
  return [code, looking.events[0]];
};

describe.concurrent("taskwal agentapi run", () => {
  it("starts, is looked at and saved from beside, and stops in order at SIGTERM", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    expect((await ask(session, "status"))[1]).toMatchObject({ process: "none" });
    expect((await ask(session, "checkpoint"))[0]).toBe(10);
    const run = runVerb(session);
    const { pid } = await run.told("loaded").then(() => run.told("started"));
    const [code, status] = await ask(session, "status");
    expect([code, status]).toMatchObject([0, { process: "ours", pid, port: session.port }]);
    const [saved, checkpoint] = await ask(session, "checkpoint");
    expect([saved, checkpoint]).toMatchObject([
      0,
      { verdict: expect.stringMatching(/verified|clean/) },
    ]);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(0);
    expect(run.events.at(-1)).toMatchObject({ event: "stopped", ended: "terminated", exitCode: 0 });
    expect(disk.findProcess(Number(pid))).toBe(undefined);
    expect((await ask(session, "status"))[1]).toMatchObject({
      process: "dead",
      phase: "stopped",
      state: { verdict: "verified" },
    });
  });
});
