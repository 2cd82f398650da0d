/**
 * SIGKILL of the supervisor in each of its phases: agentapi runs on, and the next supervisor has all of it.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { disk, endSessions, runVerb, said, Session, turn, until } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const greeting = "agent: demo-agent 1.3.0 – type a message";
const before = [greeting, "user: hello", "agent: You said: hello"];

const stoppedSession = async (): Promise<Session> => {
  const session = await Session.of(fakeProgram("0.12.1", { saveDelayMs: 200 }));
  const supervised = await session.supervise();
  await turn(supervised, "hello");
  await supervised.stop();
  return session;
};

/** As a consumer of the module does, who knows no supervisor. */
const post = async ({ port }: Session, content: string): Promise<void> => {
  const url = `http://127.0.0.1:${port}`;
  await until("it is stable", async () => {
    const answer = await fetch(`${url}/status`).catch(() => undefined);
    return (await answer?.text())?.includes('"stable"') ?? false;
  });
  const { status } = await fetch(`${url}/message`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content, type: "user" }),
  });
  expect(status).toBe(200);
};

describe.concurrent("a supervisor that is killed", () => {
  it.each(["reconciled", "spawned", "started", "loaded", "message"] as const)(
    "is followed by one that finds what was started, and all that was said meanwhile: after it told %s",
    async (phase) => {
      const session = await stoppedSession();
      const run = runVerb(session);
      await run.told(phase);
      await run.kill();
      const after = await session.supervise();
      // Before it had started one there is nothing to adopt; afterwards there must not be two.
      if (phase !== "reconciled") expect(session.names.slice(4)).toContain("adopted");
      expect(after.journal.session.process?.pid).toBe(after.agent.identity.pid);
      await turn(after, "more");
      expect(said(after)).toEqual([...before, "user: more", "agent: You said: more"]);
      expect((await after.stop()).ended).toBe("terminated");
      expect(session.saved).toEqual(said(after));
    },
  );

  it.each(["spawned", "loaded"])(
    "is followed by one that finds an agentapi without a PID file, as it was recorded: after it told %s",
    async (phase) => {
      const session = await Session.of(fakeProgram("0.11.8"));
      const run = runVerb(session);
      const { pid } = await run.told(phase).then(() => run.told("spawned"));
      await run.kill();
      const after = await session.supervise();
      expect([after.agent.isAdopted, after.agent.identity.pid]).toEqual([true, pid]);
      await turn(after, "hello");
      expect(said(after)).toEqual(before);
      expect((await after.stop()).ended).toBe("terminated");
    },
  );

  it("does not take agentapi with it, which answers, logs and saves as before", async () => {
    const session = await stoppedSession();
    const run = runVerb(session);
    const { pid } = await run.told("started");
    await run.told("loaded");
    await post(session, "one");
    await run.kill();
    expect(disk.findProcess(Number(pid))).toBeDefined();
    await post(session, "two");
    await post(session, "three");
    const after = await session.supervise();
    expect(after.agent.identity.pid).toBe(pid);
    await until("it has replied", () => said(after).length === 9);
    const conversation = ["one", "two", "three"].flatMap((text) => [
      `user: ${text}`,
      `agent: You said: ${text}`,
    ]);
    expect(said(after)).toEqual([...before, ...conversation]);
    expect((await after.checkpoint()).verdict).toMatch(/^(verified|clean)$/);
    await after.stop();
    expect(session.saved).toEqual([...before, ...conversation]);
  });

  it("is followed by one that takes over what agentapi saved after it, when both are gone", async () => {
    const session = await stoppedSession();
    const run = runVerb(session);
    const { pid } = await run.told("started");
    await run.told("loaded");
    await run.kill();
    await post(session, "nobody listens");
    await until("it is stable", async () =>
      (await (await fetch(`http://127.0.0.1:${session.port}/status`)).text()).includes("stable"),
    );
    process.kill(Number(pid), "SIGTERM");
    await until("it has ended", () => disk.findProcess(Number(pid)) === undefined);
    const after = await session.supervise();
    expect(session.events.filter(({ event }) => event === "reconciled").at(-1)).toMatchObject({
      outcome: "adopted",
    });
    const conversation = [...before, "user: nobody listens", "agent: You said: nobody listens"];
    expect(said(after)).toEqual(conversation);
    await after.stop();
    expect(session.saved).toEqual(conversation);
  });

  it.each(["checkpoint", "end"])(
    "in the middle of a stop leaves what the next one finishes: during its %s",
    async (phase) => {
      const session = await stoppedSession();
      const run = runVerb(session);
      await run.told("loaded");
      await post(session, "last words");
      // Not sent by the supervisor: what agentapi has accepted and not told of, nobody else can know.
      await until("it is told", () => run.stdout.includes('"message","id":3'));
      run.child.kill("SIGTERM");
      await until("it stops", () => run.stdout.includes(`"phase":"${phase}"`));
      await run.kill();
      const after = await session.supervise();
      await until("it has it all", () => said(after).includes("user: last words"));
      await after.stop();
      expect(session.saved).toEqual(said(after));
      expect(said(after).slice(0, 4)).toEqual([...before, "user: last words"]);
    },
  );
});
