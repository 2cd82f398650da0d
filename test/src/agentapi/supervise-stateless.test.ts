/**
 * Supervising an agentapi that cannot keep its state: the journal is all that there is.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readJournal, type SupervisedAgentApi } from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { endSessions, Session } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

/** Its events tell nothing: what it accepted is known by its answer alone. */
const silent = async (): Promise<{ session: Session; supervised: SupervisedAgentApi }> => {
  const session = await Session.of(fakeProgram("0.11.8"));
  const env = session.toggled({ sseStall: true });
  const supervised = await session.supervise({ env, limits: { loadMs: 300 } });
  expect((await supervised.send("do not lose me")).outcome).toBe("accepted");
  return { session, supervised };
};

const textsIn = async (session: Session): Promise<readonly string[] | undefined> => {
  const read = await readJournal(openNodeDisk(), session.folder);
  return read?.messages.map(({ role, message }) => `${role}: ${message.trim()}`);
};

it("keeps a message that was accepted and never told, though nothing was saved", async () => {
  const { session, supervised } = await silent();
  process.kill(supervised.agent.identity.pid, "SIGKILL");
  await supervised.ended;
  expect(await textsIn(session)).toEqual(["user: do not lose me"]);
});

it("keeps it where nobody was there when agentapi ended", async () => {
  const { session, supervised } = await silent();
  await supervised.leave();
  const { identity } = supervised.agent;
  process.kill(identity.pid, "SIGKILL");
  while (openNodeDisk().isAlive(identity) !== "dead") await sleep(10);
  const next = await session.supervise();
  expect(next.journal.messages()[0]?.message).toBe("do not lose me");
  await next.stop();
  expect((await textsIn(session))?.[0]).toBe("user: do not lose me");
});
